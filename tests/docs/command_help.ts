/** Whether a command of the docs is one that its script takes, by what the script's `--help` lists. */

import { join, resolve } from "node:path";
import project from "../../deno.json" with { type: "json" };
import { ROOT } from "../end_to_end/command.ts";

/** What a script's `--help` says that it takes. */
interface Help {
  /** Its options: whether they take a value, and which ones where it is one of a few. */
  readonly options: ReadonlyMap<string, { readonly value: boolean; readonly choices?: string[] }>;
  /** Whether it takes words that belong to no option. */
  readonly takesWords: boolean;
  /** Settings for `--set`, where it lists them. */
  readonly settings: ReadonlySet<string>;
}

const tasks: Readonly<Record<string, string>> = project.tasks;

/** A command that runs a script of this repository. */
export interface ScriptCommand {
  /** Path of the script. */
  readonly script: string;
  readonly args: readonly string[];
}

/**
 * The script that a command runs: `deno task NAME …`, `deno run -P PATH …`, also by way of npx.
 * Undefined where it runs none.
 *
 * @param folder the folder that it is typed in
 * @throws {Error} for a task that does not exist.
 */
export function scriptCommand(
  words: readonly string[],
  folder: string = ROOT,
): ScriptCommand | undefined {
  const [command, kind, ...rest] = words[0] === "npx" && /^deno@/.test(words[2] ?? "")
    ? ["deno", ...words.slice(3)]
    : words;
  if (command !== "deno") return undefined;
  if (kind === "run") {
    const at = rest.findIndex((word) => !word.startsWith("-"));
    return { script: resolve(folder, rest[at]!), args: rest.slice(at + 1) };
  }
  if (kind !== "task") return undefined;
  const [name = "", ...args] = rest;
  if (!(name in tasks)) throw new Error(`there is no task "${name}"`);
  const script = /\bscripts\/[\w/]+\.ts\b/.exec(tasks[name]!)?.[0];
  return script === undefined ? undefined : { script: join(ROOT, script), args };
}

const helps = new Map<string, Promise<Help>>();

async function readHelp(script: string): Promise<Help> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-P", script, "--help"],
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (code !== 0) throw new Error(`${script} --help: ${new TextDecoder().decode(stderr)}`);
  return parseHelp(text);
}

/** Reads what `--help` prints. */
export function parseHelp(text: string): Help {
  const [before, settings = ""] = text.split(/^Settings with their defaults.*$/m) as [string];
  // An option's description may go on in lines that are indented further.
  const entries = before.replaceAll(/\n {8,}/g, " ").matchAll(
    /^ {2}(?:-\w, )?(?<name>--[\w-]+)(?<value> <[^>]+>)?(?<about>.*)$/gm,
  );
  return {
    options: new Map(Array.from(entries, ({ groups }) => {
      const choices = /\(choices: (?<all>[^)]*)\)/.exec(groups!["about"]!)?.groups?.["all"];
      const listed = choices === undefined
        ? {}
        : { choices: Array.from(choices.matchAll(/"([^"]*)"/g), ([, choice]) => choice!) };
      return [groups!["name"]!, { value: groups!["value"] !== undefined, ...listed }];
    })),
    takesWords: /^Usage: .*\[options\] \S/m.test(before),
    settings: new Set(Array.from(settings.matchAll(/^ {2}([\w.]+)=/gm), ([, key]) => key!)),
  };
}

/**
 * What is wrong with the arguments of a script; undefined where nothing is. The script is started for
 * its help only.
 */
export async function mistakeIn({ script, args }: ScriptCommand): Promise<string | undefined> {
  try {
    Deno.statSync(script);
  } catch {
    return `there is no script ${script}`;
  }
  if (!helps.has(script)) helps.set(script, readHelp(script));
  const help = await helps.get(script)!;
  for (let i = 0; i < args.length; i++) {
    const [name, inline] = args[i]!.split(/(?<=^--[\w-]+)=(.*)/s) as [string, string?];
    if (!name.startsWith("--")) {
      if (!help.takesWords) return `it takes no "${name}"`;
      continue;
    }
    const option = help.options.get(name);
    if (!option) return `it has no option ${name}`;
    if (!option.value) continue;
    const value = inline ?? args[++i];
    if (value === undefined) return `${name} takes a value`;
    if (value === "…" || value === "...") continue;
    if (option.choices && !option.choices.includes(value)) {
      return `${name} takes ${option.choices.join(", ")}, not ${value}`;
    }
    if (name !== "--set" || help.settings.size === 0) continue;
    const key = value.split("=")[0]!;
    // A router's own options are those of the router that is chosen.
    if (!help.settings.has(key) && !key.startsWith("router.")) return `there is no setting ${key}`;
  }
  return undefined;
}
