/**
 * The HTML report: one file, with its style, scripts and data inside, that needs no network.
 *
 * The sources are in `page/` and work as they are: ES modules, a style sheet, a document. Here they
 * are read and joined, nothing else. Data is text of strangers: it goes into a block of JSON in which
 * no tag can be written, and the scripts put it on the page as text only. A content security policy
 * lets nothing run but the joined script, by its hash.
 */

import { createHash } from "node:crypto";
import type { PageData } from "./page_data.ts";

/** Where `page/` is: beside this module, on the disk or wherever the package comes from. */
const SOURCES = new URL("./page/", import.meta.url);
const DOCUMENT = "index.html";
const SCRIPT = "main.js";

/** `<link rel="stylesheet" href="a.css">`, one or several in a row. */
const STYLES = /^(?: *<link rel="stylesheet" href="[\w-]+\.css">\n)+/m;

/** `import { a, b } from "./c.js";` */
const IMPORT = /^import\s[^;]*?\sfrom "\.\/(?<name>[\w-]+\.js)";\n/gm;
const EXPORT = /^export (?=(?:async )?function|const|let|class)/gm;

/** How a page is to be. */
export interface PageOptions {
  /** Whether it asks the server that it comes from for what changed. */
  readonly live?: boolean;
}

/**
 * A page that shows `data`.
 *
 * @throws {TypeError} when the page's own files are missing.
 */
export async function reportPage(
  data: PageData,
  { live = false }: PageOptions = {},
): Promise<string> {
  const [document, script] = await Promise.all([source(DOCUMENT), joinScripts(SCRIPT)]);
  const links = STYLES.exec(document)?.[0] ?? "";
  const style = await joinStyles(links);
  const policy = contentPolicy(style, script, live);
  const parts: readonly (readonly [string, string])[] = [
    [
      '<meta charset="utf-8">',
      `<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    ],
    [links, `<style>${style}</style>\n`],
    [
      `<script type="module" src="${SCRIPT}"></script>`,
      `<script type="application/json" id="data">${asJson({ ...data, live })}</script>\n` +
      `<script type="module">${script}</script>`,
    ],
  ];
  return parts.reduce((text, [found, put]) => replaceOnce(text, found, put), document);
}

/** `data` as JSON that cannot end the element it stands in, and is a valid script as well. */
export function asJson(data: unknown): string {
  return JSON.stringify(data).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** What the page may do: run its own script, in its own style, and (live) ask its own server. */
function contentPolicy(style: string, script: string, live: boolean): string {
  const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  return [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    "img-src data:",
    `connect-src ${live ? "'self'" : "'none'"}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

/** The style sheets that are linked, in their order. */
async function joinStyles(links: string): Promise<string> {
  const names = Array.from(links.matchAll(/href="([^"]+)"/g), ([, name]) => name!);
  return (await Promise.all(names.map(source))).join("\n");
}

/** The modules that `main` needs, each once and after those it imports, as one module. */
async function joinScripts(main: string): Promise<string> {
  const joined = new Map<string, string>();
  const visit = async (name: string) => {
    if (joined.has(name)) return;
    joined.set(name, "");
    const text = await source(name);
    for (const match of text.matchAll(IMPORT)) await visit(match.groups!["name"]!);
    joined.delete(name);
    joined.set(name, `// ${name}\n${text.replaceAll(IMPORT, "").replaceAll(EXPORT, "")}`);
  };
  await visit(main);
  const script = [...joined.values()].join("\n");
  if (/<\/script|<!--/i.test(script)) {
    throw new TypeError("A script may not contain a script's end");
  }
  return script;
}

async function source(name: string): Promise<string> {
  const response = await fetch(new URL(name, SOURCES));
  if (!response.ok) throw new TypeError(`The page's ${name} is missing from this installation`);
  return await response.text();
}

function replaceOnce(text: string, found: string, put: string): string {
  const [before, after, ...more] = text.split(found);
  if (after === undefined || more.length > 0) throw new TypeError(`${DOCUMENT} needs one ${found}`);
  return before + put + after;
}
