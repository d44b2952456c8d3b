/** The command line that sweeps and comparisons share. */

import { Option } from "@commander-js/extra-typings";
import { UserError } from "../../contracts/errors.ts";
import { type Launcher, type LauncherKind } from "../../contracts/launcher.ts";
import { countFrom, newCommand } from "../command.ts";
import { loggingArgs, type LoggingOptions } from "../logging/names.ts";
import { logOption, trackingUriOption } from "../logging/options.ts";
import { absoluteSpecifier } from "../plugins/load.ts";
import { pluginOption } from "../plugins/options.ts";
import { type Registry } from "../plugins/registry.ts";
import { addLaunchers } from "./launchers.ts";

/**
 * A command with the options of every script that runs many trials.
 *
 * @param launchers those that `--launcher` chooses from; without them there is no such option
 */
export function sweepCommand(
  name: string,
  description: string,
  out: string,
  launchers?: Registry<LauncherKind>,
) {
  const command = newCommand(name, description)
    .option("--fresh", "throw away what is there and start over")
    .option("--model <name|DIR|ID>", "model of all trials")
    .option("--data <name|FILE>", "corpus of all trials")
    .addOption(pluginOption())
    .addOption(
      new Option("--scale <name>", "size of all trials").choices(["small", "reference"] as const),
    )
    .addOption(
      new Option("--recipe <name>", "recipe of all trials").choices(["dlr", "reference"] as const),
    )
    .option("--steps <n>", "optimizer steps of each trial", countFrom(1))
    .option("--seeds <list>", "seeds, each of which all trials are run with", wholeNumbers)
    .option(
      "--set <key=value>",
      "a setting of all trials; may be repeated",
      (set: string, all: string[]) => [...all, set],
      [] as string[],
    )
    .option("--jobs <n>", "trials at once; 0: as many as cores and memory allow", countFrom(0), 0)
    .option("--out <DIR>", "folder for the trials and the tables", out)
    .addOption(logOption())
    .addOption(trackingUriOption())
    .option("--quiet", "no progress, only the results");
  if (launchers) addLaunchers(command, launchers);
  return command;
}

/** What was typed after a {@link sweepCommand}. */
export interface SweepOptions extends LoggingOptions {
  readonly fresh?: true | undefined;
  readonly model?: string | undefined;
  readonly data?: string | undefined;
  /** Modules that every trial loads, too. */
  readonly plugin?: readonly string[] | undefined;
  readonly scale?: string | undefined;
  readonly recipe?: string | undefined;
  readonly steps?: number | undefined;
  readonly seeds?: readonly number[] | undefined;
  readonly set: readonly string[];
  readonly jobs: number;
  readonly out: string;
  readonly quiet?: true | undefined;
  /** What runs the trials; processes on this machine unless given. */
  readonly launcher?: Launcher | undefined;
}

/** The options that every trial is given. */
export function commonArgs(options: SweepOptions): string[] {
  const { model, data, plugin = [], scale, recipe, steps, set } = options;
  return [
    ...plugin.flatMap((specifier) => ["--plugin", absoluteSpecifier(specifier)]),
    ...(model === undefined ? [] : ["--model", model]),
    ...(data === undefined ? [] : ["--data", data]),
    ...(scale === undefined ? [] : ["--scale", scale]),
    ...(recipe === undefined ? [] : ["--recipe", recipe]),
    ...(steps === undefined ? [] : ["--steps", String(steps)]),
    ...set.flatMap((one) => ["--set", one]),
    ...loggingArgs(options),
  ];
}

/** The seeds that trials are run with. */
export function seedsOf({ seeds = [0] }: Pick<SweepOptions, "seeds">): readonly number[] {
  return seeds;
}

/** Reads `0,1,2`. @throws {UserError} for anything else. */
export function wholeNumbers(text: string): number[] {
  return numbers(text).map((value) => {
    if (Number.isInteger(value) && value >= 0) return value;
    throw new UserError(`Cannot read ${text}: it takes whole numbers from 0 up, such as 0,1,2`);
  });
}

/** Reads `0.1,0.2`. @throws {UserError} for anything else. */
export function numbers(text: string): number[] {
  const values = text.split(",").map((part) => part.trim() === "" ? NaN : Number(part));
  if (values.every(Number.isFinite)) return values;
  throw new UserError(`Cannot read ${text}: it takes numbers with commas between, such as 0.1,0.2`);
}

/** Reads skip ratios, `0.1,0.2`. The reader throws a {@link UserError} for what is no share below 1. */
export function shares(option: string): (text: string) => number[] {
  return (text) => {
    const values = numbers(text);
    const wrong = values.find((value) => value < 0 || value >= 1);
    if (wrong === undefined) return values;
    throw new UserError(`${option} ${wrong}: a share of skipped layers is from 0 to below 1`);
  };
}

/** Reads one skip ratio; as {@link shares} otherwise. */
export function share(option: string): (text: string) => number {
  return (text) => {
    const [value, ...others] = shares(option)(text);
    if (others.length === 0) return value!;
    throw new UserError(`${option} ${text}: it takes one share of skipped layers, such as 0.45`);
  };
}
