/** What all command lines share: `--help`, and one line for what was mistyped. */

import { Command, CommanderError, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { UserError } from "../contracts/errors.ts";
import { pluginOption } from "./plugins/options.ts";
import { EarlyExit } from "./script.ts";

/** A command without options yet; add them, then hand it to {@link readOptions}. */
export function newCommand(name: string, description: string) {
  return new Command(name)
    .description(description)
    .usage("[options]")
    .allowExcessArguments(false)
    .helpOption("-h, --help", "show this")
    // Asking whether colours are wanted would read the environment, and so need a permission.
    .configureOutput({
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      writeOut: (text) => console.log(text.trimEnd()),
      outputError: () => {},
    })
    .exitOverride();
}

/**
 * Reads arguments.
 *
 * @param args those of this process unless told
 * @throws {UserError} for an unknown option or a value that is refused.
 * @throws {EarlyExit} after `--help`.
 */
export function readOptions<Options>(
  command: { parse(args: readonly string[], from: { from: "user" }): { opts(): Options } },
  args: readonly string[] = Deno.args,
): Options {
  try {
    return command.parse(args, { from: "user" }).opts();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) throw new EarlyExit();
    const message = error.message.replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ");
    throw new UserError(`${message}; --help lists all options`);
  }
}

/** Reads a whole number from `least` up. */
export function countFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least) {
      throw new InvalidArgumentError(`It takes a whole number from ${least} up.`);
    }
    return value;
  };
}

/** Reads a number from `least` to `most`. */
export function numberBetween(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== "" && value >= least && value <= most) return value;
    const range = most === Infinity ? `from ${least} up` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`It takes a number ${range}.`);
  };
}

/** Reads whole numbers from `least` up, with commas between. */
export function countsFrom(least: number): (text: string) => number[] {
  return (text) => text.split(",").map(countFrom(least));
}

/** Reads numbers from `least` to `most`, with commas between. */
export function numbersBetween(least: number, most: number): (text: string) => number[] {
  return (text) => text.split(",").map(numberBetween(least, most));
}

/** `--depth`: what of a trained run is used; absent unless given. @param does what it does, "answers" */
export function depthOption(does: string) {
  return new Option(
    "--depth <name>",
    `what of the run ${does}: its base model, all layers, its router (default: routed)`,
  ).choices(["base", "fullDepth", "routed"] as const);
}

/** `--weights`: how matrices are kept. Which forms there are is for the backend to say. */
export function weightsOption() {
  return new Option(
    "--weights <format>",
    "how matrices are kept: int4 is faster and less exact; float16, on webgpu, is half to read",
  ).choices(["float32", "float16", "int4"] as const).default("float32" as const);
}

/** A command about a trained run or a model as it is. @param does what is done with it, "writes" */
export function modelCommand(name: string, description: string, does: string) {
  return newCommand(name, description)
    .option("--checkpoint <name|DIR>", "a run's or checkpoint's folder, or an experiment")
    .option("--model <name|DIR|ID>", "a model as it is, instead")
    .addOption(pluginOption())
    .addOption(depthOption(does))
    .option("--budget <share>", "skip ratio that the router is calibrated to", numberBetween(0, 1))
    .addOption(weightsOption())
    .option("--backend <name>", "backend to run on (default: that of the training, or onnx)");
}

/**
 * Refuses options about a trained run beside a model as it is.
 *
 * @param instead the option that takes a run
 * @throws {UserError}
 */
export function refuseBesideModel(
  options: { readonly model?: unknown; readonly depth?: unknown; readonly budget?: unknown },
  instead: string,
): void {
  if (options.model === undefined) return;
  for (const name of ["depth", "budget"] as const) {
    if (options[name] === undefined) continue;
    throw new UserError(`--${name} is about a trained run: it takes ${instead}, not --model`);
  }
}
