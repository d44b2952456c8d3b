/** Choosing a launcher on the command line: `--launcher`, and the options of each. */

import { Option } from "@commander-js/extra-typings";
import { type Launcher, type LauncherKind } from "../../contracts/launcher.ts";
import { UserError } from "../../contracts/errors.ts";
import { type ConfigKey, keysOf } from "../config_keys.ts";
import { type Registry } from "../plugins/registry.ts";
import { readValue } from "../settings.ts";

/** The part of a command that this needs, whatever its options are. */
interface AnyCommand {
  readonly options: readonly { attributeName(): string }[];
  addOption(option: Option): unknown;
  getOptionValueSource(name: string): string | undefined;
}

/** Adds `--launcher` and the options of all launchers, each under its own heading. */
export function addLaunchers(command: AnyCommand, launchers: Registry<LauncherKind>): void {
  const kinds = Array.from(launchers.entries(), ([, kind]) => kind);
  const list = kinds.map(({ name, description }) => `${name}: ${description}`).join("; ");
  command.addOption(
    new Option("--launcher <name>", `what runs the trials (default: ${kinds[0]!.name}); ${list}`)
      .choices(kinds.map(({ name }) => name)),
  );
  for (const kind of kinds) {
    for (const key of keysOf(kind.options)) {
      if (command.options.some((option) => option.attributeName() === key.key)) continue;
      command.addOption(optionOf(key).helpGroup(`Options of --launcher ${kind.name}:`));
    }
  }
}

function optionOf({ key, type, description, default: usual }: ConfigKey): Option {
  const flag = `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const shown = usual === undefined || type === "boolean" || type === "list"
    ? description
    : `${description} (default: ${usual})`;
  if (type === "boolean") return new Option(flag, shown);
  if (type === "list") {
    return new Option(`${flag} <text>`, `${shown}; may be repeated`)
      .argParser((text, all?: string[]) => [...(all ?? []), text]) as Option;
  }
  return new Option(`${flag} <${type === "number" ? "n" : "text"}>`, shown);
}

/**
 * The launcher that a command line chooses.
 *
 * @throws {UserError} for a value that its option does not take, and for an option of another launcher.
 */
export function chosenLauncher(
  command: AnyCommand,
  options: object,
  launchers: Registry<LauncherKind>,
): Launcher {
  const given = options as Readonly<Record<string, unknown>>;
  const name = typeof given["launcher"] === "string" ? given["launcher"] : launchers.names()[0]!;
  const kind = launchers.get(name);
  const own = keysOf(kind.options);
  const typed = (key: string) => command.getOptionValueSource(key) === "cli";
  for (const [other, { options: schema }] of launchers.entries()) {
    const stranger = keysOf(schema).find(({ key }) =>
      typed(key) && !own.some((mine) => mine.key === key)
    );
    if (!stranger) continue;
    throw new UserError(
      `${
        flagOf(stranger.key)
      } is an option of --launcher ${other}, not of ${name}: leave it out, ` +
        `or give --launcher ${other}`,
    );
  }
  const values = own.filter(({ key }) => given[key] !== undefined).map(({ key, type }) => {
    const value = given[key];
    return [key, typeof value === "string" ? readValue(value, type) : value] as const;
  });
  const checked = kind.options.safeParse(Object.fromEntries(values));
  if (checked.success) return kind.create(checked.data);
  const { path, message } = checked.error.issues[0]!;
  const wrong = own.find(({ key }) => key === String(path[0]));
  const rule = checked.error.issues[0]!.code === "custom" ? message : `it takes ${wrong?.allowed}`;
  throw new UserError(`${flagOf(String(path[0]))} ${given[String(path[0])]}: ${rule}`);
}

/** The option that sets a launcher's key: `--array-limit` for `arrayLimit`. */
export const flagOf = (key: string): string =>
  optionOf({ key, type: "boolean", description: "", allowed: "", open: false }).long!;
