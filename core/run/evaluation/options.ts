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
    .option("--backend <name>", "backend to run on (default: that of the training, or onnx)")
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
  readonly backend?: string | undefined;
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
 * @throws {UserError} for a name that is neither a task nor a group, a group that is within itself, and
 *   one that averages what a task of it does not yield.
 */
export function tasksNamed(
  wanted: readonly string[],
  { tasks, taskGroups }: Plugins,
): { tasks: Task[]; groups: TaskGroup[] } {
  const found = new Map<string, Task>();
  const groups = new Map<string, TaskGroup>();
  /** The tasks of a name. @param around the groups that it was found in, from outside */
  const add = (name: string, around: readonly string[]): Task[] => {
    if (tasks.has(name)) {
      const task = tasks.get(name);
      found.set(name, task);
      return [task];
    }
    if (!taskGroups.has(name)) {
      throw unknownTask(name, [...taskGroups.names(), ...tasks.names()], around.at(-1));
    }
    if (around.includes(name)) throw groupInItself(name, around);
    const group = taskGroups.get(name);
    const own = group.members.flatMap((member) => add(member, [...around, name]));
    checkMetrics(group, own);
    groups.set(name, group);
    return own;
  };
  for (const name of wanted) add(name, []);
  return { tasks: [...found.values()], groups: [...groups.values()] };
}

function groupInItself(name: string, around: readonly string[]): UserError {
  const [, ...between] = around.slice(around.indexOf(name));
  const by = between.length === 0 ? "" : `, by way of ${between.join(", ")}`;
  return new UserError(
    `The group of tasks "${name}" is among its own members${by}: take it out of them`,
  );
}

/** What is averaged has to be there in every task. */
function checkMetrics({ name, metrics }: TaskGroup, tasks: readonly Task[]): void {
  for (const task of tasks) {
    const yielded = task.metrics.map((metric) => metric.name);
    const missing = metrics.find((metric) => !yielded.includes(metric));
    if (missing === undefined) continue;
    throw new UserError(
      `The group of tasks "${name}" averages "${missing}", which its task "${task.name}" does not ` +
        `yield: it yields ${yielded.join(", ")}`,
    );
  }
}

/** A group's many members are named by the group. */
function unknownTask(name: string, known: readonly string[], group?: string): UserError {
  const asked = group === undefined ? "" : `, which is a member of the group "${group}"`;
  const shown = known.filter((task) => !/^mmlu_/.test(task)).join(", ");
  return new UserError(
    `There is no task "${name}"${asked}${didYouMean(name, known) || ";"} there are: ${shown}`,
  );
}
