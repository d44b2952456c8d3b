/** The options that every evaluation on tasks has. */

import { InvalidArgumentError } from "@commander-js/extra-typings";
import { join } from "node:path";
import { type Task, type TaskGroup, UserError } from "../../contracts/mod.ts";
import { countFrom, newCommand } from "../command.ts";
import { didYouMean } from "../did_you_mean.ts";
import { pluginOption } from "../plugins/options.ts";
import { type Plugins } from "../plugins/plugins.ts";

/** Draws few-shot examples as lm-evaluation-harness does by default. */
const SEED = 1234;

/** A command with the options of an evaluation on tasks. */
export function taskCommand(name: string, description: string) {
  return newCommand(name, description)
    .option("--tasks <list>", "tasks and groups of tasks, with commas between", names)
    .addOption(pluginOption())
    .option("--num-fewshot <n>", "examples in front of each question", countFrom(0))
    .option("--limit <n>", "documents of each task: a number, or a share below 1", limit)
    .option("--batch-size <n|auto>", "sequences computed together", batchSize)
    .option("--seed <n>", "draws the examples", countFrom(0), SEED)
    .option("--data-dir <DIR>", "folder of data sets; without it they come from the hub")
    .option("--out <DIR>", "folder for the results (default: below results/eval_summaries/)")
    .option("--fresh", "ask everything again")
    .option("--quiet", "no progress, only the results");
}

/** What was typed after a {@link taskCommand}. */
export interface TaskOptions {
  readonly tasks?: readonly string[] | undefined;
  readonly numFewshot?: number | undefined;
  readonly limit?: number | undefined;
  readonly batchSize?: number | "auto" | undefined;
  readonly seed: number;
  readonly dataDir?: string | undefined;
  readonly out?: string | undefined;
  readonly fresh?: true | undefined;
  readonly quiet?: true | undefined;
}

function names(text: string): string[] {
  return text.split(",").map((name) => name.trim()).filter((name) => name !== "");
}

function limit(text: string): number {
  const value = Number(text);
  if (value > 0 && (value < 1 || Number.isInteger(value))) return value;
  throw new InvalidArgumentError("It takes a whole number from 1 up, or a share below 1.");
}

function batchSize(text: string): number | "auto" {
  return text === "auto" ? text : countFrom(1)(text);
}

/** A label as the name of a folder. */
export function folderName(label: string): string {
  return label.replaceAll(/[^\w.=-]+/g, "_");
}

/** Where the results of a model go unless told. */
export function evaluationFolder(label: string): string {
  return join("results", "eval_summaries", folderName(label));
}

/**
 * The tasks that were named, groups taken apart, each once.
 *
 * @throws {UserError} for a name that is neither a task nor a group.
 */
export function tasksNamed(
  wanted: readonly string[],
  { tasks, taskGroups }: Plugins,
): { tasks: Task[]; groups: TaskGroup[] } {
  const found = new Map<string, Task>();
  const groups = new Map<string, TaskGroup>();
  const add = (name: string) => {
    if (tasks.has(name)) {
      found.set(name, tasks.get(name));
      return;
    }
    if (!taskGroups.has(name)) throw unknownTask(name, [...taskGroups.names(), ...tasks.names()]);
    const group = taskGroups.get(name);
    group.members.forEach(add);
    groups.set(name, group);
  };
  wanted.forEach(add);
  return { tasks: [...found.values()], groups: [...groups.values()] };
}

/** A group's many members are named by the group. */
function unknownTask(name: string, known: readonly string[]): UserError {
  const shown = known.filter((task) => !/^mmlu_/.test(task)).join(", ");
  return new UserError(
    `There is no task "${name}"${didYouMean(name, known) || ";"} there are: ${shown}`,
  );
}
