/**
 * The command line that all experiments share. It only reads what was typed; what the settings mean
 * and whether their values are allowed is for `config.ts`.
 *
 * Nothing heavy may be imported here: `--help` answers before a backend or a plotter is loaded.
 */

import { Option } from "@commander-js/extra-typings";
import { UserError } from "../contracts/errors.ts";
import { newCommand, readOptions } from "./command.ts";
import type { ConfigKey } from "./config_keys.ts";
import { type LoggingOptions } from "./logging/names.ts";
import { logOption, trackingUriOption } from "./logging/options.ts";
import { pluginOption } from "./plugins/options.ts";
import type { Scale } from "../contracts/plugin.ts";

/** What was typed, not yet checked against a configuration. */
export interface CommandLine {
  /** Start a new run even where an unfinished one could be continued. */
  readonly fresh: boolean;
  /** Folder of the run to continue, or `"auto"` for the newest unfinished one. */
  readonly resume?: string;
  /** Folder for the run, instead of one below `results/runs/`. */
  readonly out?: string;
  /** JSON file of settings. */
  readonly config?: string;
  /** Which of the experiment's settings to start from; by the model unless given. */
  readonly scale?: Scale;
  /** Which of the experiment's recipes: dlr's own unless given. */
  readonly recipe?: "dlr" | "reference";
  /** Named settings by dotted key, as text; for `resolveConfig`. */
  readonly overrides: Readonly<Record<string, string>>;
  /** `key=value` texts of `--set`, in their order. */
  readonly sets: readonly string[];
  /** Where metrics go beside `metrics.csv`. */
  readonly logging: LoggingOptions;
  /** Print results only, no progress. */
  readonly quiet: boolean;
}

/** What `--help` says of an experiment. */
export interface ExperimentHelp {
  /** How the script is started: `deno task exp10`. */
  readonly command: string;
  /** What the experiment does, in a sentence or two. */
  readonly description: string;
  /** The settings, for the list under the options; a function, as only `--help` needs them. */
  readonly settings: () => readonly ConfigKey[];
  /** What can be chosen by name, a line each. */
  readonly names: () => string;
}

/**
 * Reads the arguments of an experiment. `--help` is printed and ends the script.
 *
 * @throws {UserError} for an unknown option (with the nearest one), a missing value, a stray word.
 * @throws {EarlyExit} after `--help`.
 */
export function readCommandLine(args: readonly string[], help: ExperimentHelp): CommandLine {
  const options = readOptions(experimentCommand(help), args);
  if (options.fresh === true && options.resume !== undefined) {
    throw new UserError("--fresh starts a new run and --resume continues one: give one of them");
  }
  const overrides = Object.fromEntries(
    Object.entries({
      model: options.model,
      data: options.data,
      "backend.name": options.backend,
      seed: options.seed,
      steps: options.steps,
      basePrecision: options.basePrecision,
      checkpointing: options.checkpointing === true ? "true" : undefined,
    }).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return {
    fresh: options.fresh ?? false,
    ...(options.resume === undefined ? {} : { resume: options.resume }),
    ...(options.out === undefined ? {} : { out: options.out }),
    ...(options.config === undefined ? {} : { config: options.config }),
    ...(options.scale === undefined ? {} : { scale: options.scale }),
    ...(options.recipe === undefined ? {} : { recipe: options.recipe }),
    overrides,
    sets: options.set,
    logging: {
      ...(options.log === undefined ? {} : { log: options.log }),
      ...(options.trackingUri === undefined ? {} : { trackingUri: options.trackingUri }),
    },
    quiet: options.quiet ?? false,
  };
}

/** The command line of an experiment. */
export function experimentCommand({ command, description, settings, names }: ExperimentHelp) {
  return newCommand(command, description)
    .option("--fresh", "start a new run; without it the newest unfinished one is continued")
    .option("--resume <DIR|auto>", "continue the run in DIR, or the newest unfinished one")
    .option("--model <name|DIR|ID>", "model, a folder in Hugging Face format, or a hub repository")
    .option("--data <name|FILE>", "corpus, or a .txt, .jsonl or .parquet file")
    .addOption(pluginOption())
    .addOption(
      new Option("--scale <name>", "settings to start from (default: by the model)")
        .choices(["small", "reference"] as const),
    )
    .addOption(
      new Option(
        "--recipe <name>",
        "how it is trained: dlr's way (default), or as the original was",
      )
        .choices(["dlr", "reference"] as const),
    )
    .option("--base-precision <name>", "how the frozen model is kept: float32, int4 or nf4")
    .option("--checkpointing", "less memory: compute every block again for its gradient")
    .option("--backend <name>", "what runs the arithmetic")
    .option("--seed <n>", "seed of all randomness")
    .option("--steps <n>", "optimizer steps")
    .addOption(
      new Option("--set <key=value>", "any setting listed below; may be repeated")
        .argParser((set, all: string[]) => [...all, set])
        .default([] as string[], "none"),
    )
    .option("--config <FILE>", "JSON file of settings; named options and --set win over it")
    .option("--out <DIR>", "folder for the run (default: one below results/runs/)")
    .addOption(logOption())
    .addOption(trackingUriOption())
    .option("--quiet", "no progress, only the results")
    .addHelpText(
      "after",
      () =>
        `\nThere are (deno task list says more):\n${names()}\n\n` +
        `Settings with their defaults, for --set and --config:\n${showSettings(settings())}`,
    );
}

/** Two lines a setting, as one would not fit a terminal: what to type, and what it means. */
function showSettings(settings: readonly ConfigKey[]): string {
  return settings.flatMap((setting) => [
    `  ${setting.key}=${showDefault(setting)}`,
    `      ${setting.description}; ${setting.allowed}`,
  ]).join("\n");
}

function showDefault(setting: ConfigKey): string {
  const value = setting.default;
  if (value === undefined) return "";
  if (Array.isArray(value)) return value.join(",");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
