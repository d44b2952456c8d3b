/** What the pages name is there: settings, files, headings. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { configKeys } from "../../core/run/config.ts";
import flexidepth from "../../examples/flexidepth_router/flexidepth.ts";
import { builtinPlugins } from "../../plugins/mod.ts";
import { ROOT } from "../end_to_end/command.ts";
import { allPages, page } from "./pages.ts";

const PAGES = allPages();

/** A dotted key of one of the groups of a configuration, in code or after `--set`. */
const KEYS =
  /(?:`|--set '?)((?:backend|optimizer|lora|router|objective|evaluation|checkpoint)\.[a-z]\w*)/gi;

Deno.test("every setting that a page names is one", () => {
  const plugins = builtinPlugins();
  plugins.add(flexidepth, "an example");
  const { routerOptions } = plugins;
  const keys = new Set(
    [...routerOptions.values()].flatMap((options) => configKeys(options).map(({ key }) => key)),
  );
  const named = PAGES.flatMap(({ path, text }) =>
    text.matchAll(KEYS).map(([, key]) => ({ path, key: key! })).toArray()
  ).filter(({ key }) => !/\.(json|safetensors)$/.test(key));
  assert.ok(named.length > 100, `only ${named.length} settings found`);
  assert.deepEqual(named.filter(({ key }) => !keys.has(key)), []);
});

Deno.test("every file of the repository that a page names is there", () => {
  const named = PAGES.flatMap(({ path, text }) =>
    text.matchAll(/`((?:core|plugins|scripts|tests|examples|docs)\/[\w./-]+)`/g)
      .map(([, file]) => ({ path, file: file! })).toArray()
  );
  assert.ok(named.length > 20, `only ${named.length} files found`);
  assert.deepEqual(named.filter(({ file }) => !existsSync(join(ROOT, file))), []);
});

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(text: string): Set<string> {
  return new Set(
    text.replaceAll(/^```.*?^```/gms, "").matchAll(/^#+ (.+)$/gm).map(([, heading]) =>
      heading!.toLowerCase().replaceAll(/[^\p{Letter}\p{Number} _-]/gu, "").replaceAll(" ", "-")
    ),
  );
}

Deno.test("every link between pages leads to a file, and to a heading of it", () => {
  const links = PAGES.flatMap(({ path, text }) =>
    text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g).map(([, link]) => ({ path, link: link! }))
      .toArray()
  );
  assert.ok(links.length > 50, `only ${links.length} links found`);
  const broken = links.filter(({ path, link }) => {
    const [file, anchor] = link.split("#") as [string, string?];
    const target = file === "" ? path : join(dirname(path), file);
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && !anchorsOf(page(target).text).has(anchor);
  });
  assert.deepEqual(broken, []);
});

Deno.test("docs/README.md leads to every page, or to the README of its folder", () => {
  const pages = PAGES.map(({ path }) => path)
    .filter((path) => path.startsWith("docs/") && path !== "docs/README.md");
  const lost = pages.filter((path) => {
    const index = path.endsWith("/README.md") ? "docs/README.md" : join(dirname(path), "README.md");
    return !page(index).text.includes(`](${path.slice(dirname(index).length + 1)})`);
  });
  assert.deepEqual(lost, []);
});
