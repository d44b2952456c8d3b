/** The options of the command lines that scripts share. */

import { type Option } from "@commander-js/extra-typings";
import { type z } from "zod";
import { modelCommand } from "../../core/run/command.ts";
import { experimentCommand } from "../../core/run/command_line.ts";
import { keysOf } from "../../core/run/config_keys.ts";
import { taskCommand } from "../../core/run/evaluation/options.ts";
import { type Plugins } from "../../core/run/plugins/plugins.ts";
import { sweepCommand } from "../../core/run/sweep/command.ts";
import { flagOf } from "../../core/run/sweep/launchers.ts";
import { code, table } from "./markdown.ts";

interface Options {
  readonly options: readonly Pick<
    Option,
    "flags" | "description" | "argChoices" | "defaultValue" | "hidden"
  >[];
}

/** The sections about options. */
export function optionSections({ launchers }: Plugins): string[] {
  const experiment = experimentCommand({
    command: "",
    description: "",
    settings: () => [],
    names: () => "",
  });
  return [
    "## Options of command lines",
    "Every program lists its own by `--help`; these are what many of them share.",
    `### Experiments\n\n${optionTable(experiment)}`,
    "### Sweeps and comparisons\n\nAlso exp19, but for `--launcher`. What else they take is in " +
    `[sweeps](sweeps.md).\n\n${optionTable(sweepCommand("", "", "results/sweeps/NAME"))}`,
    `\`--launcher NAME\` takes ${launchers.names().map(code).join(" or ")}.`,
    ...Array.from(
      launchers.entries(),
      ([name, { options }]) =>
        `### Options of \`--launcher ${name}\`\n\n` +
        table(
          ["option", "default", "what it is", "what it may be"],
          keysOf(options as z.ZodObject).map((
            { key, default: usual, description, allowed, type },
          ) => [
            code(flagOf(key)),
            usual === undefined || type === "boolean" || type === "list" ? "" : code(String(usual)),
            description,
            type === "boolean"
              ? "it takes no value"
              : type === "list"
              ? "text; may be repeated"
              : allowed,
          ]),
        ),
    ),
    "### Evaluations on tasks\n\nexp7, exp20, exp21, exp22, exp29 and `evaluate`, which has some more " +
    `([evaluation](evaluation.md)).\n\n${optionTable(taskCommand("", ""))}`,
    "### Programs about a model\n\n`generate` and `export`, which have some more " +
    `([inference](inference.md)).\n\n${optionTable(modelCommand("", "", "is used"))}`,
  ];
}

function optionTable({ options }: Options): string {
  return table(
    ["option", "default", "what it does"],
    options.filter(({ hidden }) => !hidden).map((option) => [
      code(option.flags),
      showDefault(option.defaultValue),
      option.argChoices === undefined
        ? option.description
        : `${option.description}: ${option.argChoices.join(", ")}`,
    ]),
  );
}

function showDefault(value: unknown): string {
  return value === undefined || (Array.isArray(value) && value.length === 0)
    ? ""
    : code(String(value));
}
