/** What the pages name is there: tasks, options, settings, files, headings. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import pMap from "p-map";
import project from "../../deno.json" with { type: "json" };
import { configKeys } from "../../core/run/config.ts";
import { builtinPlugins } from "../../plugins/mod.ts";
import { ROOT, testWithProcesses } from "../end_to_end/command.ts";
import { allPages, commandsIn, page } from "./pages.ts";

const PAGES = allPages();
const TASKS: Readonly<Record<string, string>> = project.tasks;

/** All commands of all pages, each with the page that it is on. */
const COMMANDS = PAGES.flatMap((one) =>
  commandsIn(one).map((command) => {
    const [, , task, ...args] = command.split(/\s+/);
    return { page: one.path, command, task: task!, args };
  })
);

/** The script that a task runs; undefined for one that runs something else. */
function scriptOf(task: string): string | undefined {
  return /\S*scripts\/\S+\.ts/.exec(TASKS[task] ?? "")?.[0];
}

/** The options that a script's `--help` lists. */
async function optionsOf(script: string): Promise<ReadonlySet<string>> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-P", script, "--help"],
    cwd: ROOT,
    stderr: "null",
    env: { NO_COLOR: "1" },
  }).output();
  assert.ok(success, `${script} --help fails`);
  return new Set(new TextDecoder().decode(stdout).match(/--[\w-]+/g));
}

Deno.test("every command on a page is a task", () => {
  assert.ok(COMMANDS.length > 80, `only ${COMMANDS.length} commands found`);
  const unknown = COMMANDS.filter(({ task }) => !(task in TASKS));
  assert.deepEqual(unknown.map(({ page, command }) => `${page}: ${command}`), []);
});

testWithProcesses("every option of a command on a page is one that its task has", async () => {
  const scripts = [...new Set(COMMANDS.map(({ task }) => scriptOf(task)).filter((one) => one))];
  assert.ok(scripts.length > 20, `only ${scripts.length} scripts found`);
  const known = new Map(
    await pMap(scripts, async (script) => [script, await optionsOf(script!)] as const, {
      concurrency: 2,
    }),
  );
  const wrong = COMMANDS.flatMap(({ page, command, task, args }) => {
    const options = known.get(scriptOf(task));
    if (options === undefined) return [];
    return args.map((word) => /^--[\w-]+/.exec(word)?.[0])
      .filter((option) => option !== undefined && !options.has(option))
      .map((option) => `${page}: ${command}: ${option}`);
  });
  assert.deepEqual(wrong, []);
});

/** A dotted key of one of the groups of a configuration, in code or after `--set`. */
const KEYS =
  /(?:`|--set '?)((?:backend|optimizer|lora|router|objective|evaluation|checkpoint)\.[a-z]\w*)/gi;

Deno.test("every setting that a page names is one", () => {
  const { routerOptions } = builtinPlugins();
  const keys = new Set(
    [...routerOptions.values()].flatMap((options) => configKeys(options).map(({ key }) => key)),
  );
  const named = PAGES.flatMap(({ path, text }) =>
    text.matchAll(KEYS).map(([, key]) => ({ path, key: key! })).toArray()
  ).filter(({ key }) => !key.endsWith(".safetensors"));
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

Deno.test("docs/README.md leads to every page", () => {
  const { text } = page("docs/README.md");
  const others = PAGES.map(({ path }) => path)
    .filter((path) => path.startsWith("docs/") && path !== "docs/README.md");
  assert.deepEqual(others.filter((path) => !text.includes(`](${path.slice(5)})`)), []);
});
