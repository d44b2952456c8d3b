/** The pages of documentation, taken apart as far as tests hold them to the code. */

import { join } from "node:path";
import { ROOT } from "../end_to_end/command.ts";

/** A page of documentation. */
export interface Page {
  /** Path below the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** Reads a page. */
export function page(path: string): Page {
  return { path, text: Deno.readTextFileSync(join(ROOT, path)) };
}

/** README.md, everything below docs/, and the READMEs of examples. */
export function allPages(): Page[] {
  const docs = filesBelow("docs").filter((path) => path.endsWith(".md"));
  const examples = filesBelow("examples").filter((path) => path.endsWith("/README.md"));
  return ["README.md", ...docs, ...examples].map(page);
}

/** Files of a folder and of those in it, sorted, without what packages and runs leave there. */
function filesBelow(folder: string): string[] {
  return Array.from(Deno.readDirSync(join(ROOT, folder))).flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (!isDirectory) return [path];
    return name === "node_modules" || name === "results" ? [] : filesBelow(path);
  }).sort();
}

/** The lines of a page's section, up to the next heading of any depth. */
function section({ path, text }: Page, heading: string): string[] {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.replace(/^#+ /, "") === heading);
  if (start < 0) throw new RangeError(`${path} has no heading "${heading}"`);
  const end = lines.findIndex((line, i) => i > start && /^#+ /.test(line));
  return lines.slice(start + 1, end < 0 ? undefined : end);
}

/** The rows of the first table under a heading, their cells as they are written. */
export function tableUnder(of: Page, heading: string): string[][] {
  const lines = section(of, heading);
  const start = lines.findIndex((line) => line.startsWith("|"));
  if (start < 0) throw new RangeError(`${of.path} has no table under "${heading}"`);
  const rows = lines.slice(start + 2);
  const end = rows.findIndex((line) => !line.startsWith("|"));
  return rows.slice(0, end < 0 ? undefined : end)
    .map((line) => line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim()));
}

/** The first cells of such a table, without the marks of code: the fields that it explains. */
export function fieldsUnder(of: Page, heading: string): string[] {
  return tableUnder(of, heading).map(([first]) => first!.replaceAll("`", ""));
}

/** All that is marked as code in a page's section. */
export function codeUnder(of: Page, heading: string): Set<string> {
  return new Set(section(of, heading).join("\n").matchAll(/`([^`\n]+)`/g).map(([, code]) => code!));
}

/** The commands in a page's text, `deno task …`, outside of blocks. */
export function inlineCommands({ text }: Page): string[] {
  return text.replaceAll(/^```.*?^```/gms, "").matchAll(/`(deno task [^`]+)`/g)
    .map(([, command]) => command!.replaceAll("\n", " ")).toArray();
}
