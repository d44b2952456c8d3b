/**
 * An evaluation: one model, several tasks, and a folder that fills up as they are answered.
 *
 *   <out>/evaluation.json         what was asked of whom, and the outcome of each task so far
 *   <out>/samples_<task>.jsonl    every document, as lm-evaluation-harness logs it
 *   <out>/results.json            all results, in the shape of lm-evaluation-harness
 */

import fs from "node:fs";
import { join } from "node:path";
import { type Task, type TaskGroup, UserError } from "../../contracts/mod.ts";
import {
  Encoder,
  type GroupOutcome,
  groupOutcomes,
  type PreparedTask,
  prepareTask,
  resultsFile,
  type RowSource,
  runTask,
  sampleLines,
  type TaskChoices,
  type TaskOutcome,
} from "../../eval/mod.ts";
import { Passes } from "../../inference/mod.ts";
import { readJsonObject, writeFileAtomic } from "../../io/mod.ts";
import { createProgress } from "../progress.ts";
import { type LoadedPlugin } from "../plugins/plugins.ts";
import { type Subject } from "./subject.ts";

/** What is asked, and how. */
export interface EvaluationPlan extends TaskChoices {
  readonly tasks: readonly Task[];
  /** Groups whose members may be among the tasks. */
  readonly groups: readonly TaskGroup[];
  readonly source: RowSource;
  /** Where the rows are from, to tell evaluations apart; absent: the hub. */
  readonly dataDir?: string | undefined;
  /** The backend, where it was asked for by name: likewise. */
  readonly backend?: string | undefined;
  /** Plugins that had a say, to tell evaluations apart. */
  readonly plugins?: readonly LoadedPlugin[];
  /** Sequences computed together; as many as fit unless told. */
  readonly batchSize?: number | undefined;
  /** Folder for what comes of it. */
  readonly out: string;
  /** Ask everything again. */
  readonly fresh?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

/** What came of an evaluation. */
export interface Evaluation {
  readonly label: string;
  readonly tasks: readonly TaskOutcome[];
  readonly groups: readonly GroupOutcome[];
}

/** What `evaluation.json` holds. */
interface EvaluationState {
  readonly version: 1;
  /** When it began, in Unix seconds. */
  readonly date: number;
  readonly asked: Record<string, unknown>;
  readonly tasks: Record<string, TaskOutcome>;
}

const STATE = "evaluation.json";

/**
 * Puts tasks to a model; those that the folder holds already are not put again.
 *
 * @throws {UserError} for data that are missing or wrong, and for a folder of another evaluation.
 */
export async function evaluateTasks(subject: Subject, plan: EvaluationPlan): Promise<Evaluation> {
  const { out, seed, batchSize, quiet = false } = plan;
  const state = openState(subject, plan);
  const open = plan.tasks.filter(({ name }) => !(name in state.tasks));
  // All are read before the first is asked: wrong data should not show after an hour.
  const prepared: PreparedTask[] = [];
  for (const task of open) prepared.push(await prepareTask(task, plan.source, plan));

  await using passes = new Passes(subject.model, { seed });
  const encoder = new Encoder(subject.encoding);
  const total = prepared.reduce((sum, { requests }) => sum + requests, 0);
  const progress = createProgress({ label: subject.label, total, quiet });
  let done = 0;
  try {
    for (const own of prepared) {
      const onDone = (count: number) => progress.update(done += count, { task: own.task.name });
      const { outcome, samples } = await runTask(passes, encoder, own, { batchSize, onDone });
      const lines = sampleLines(samples);
      writeFileAtomic(join(out, `samples_${outcome.name}.jsonl`), lines.join("\n") + "\n");
      state.tasks[outcome.name] = outcome;
      writeFileAtomic(join(out, STATE), JSON.stringify(state, null, 1) + "\n");
      if (outcome.cut > 0) progress.note(cutNote(outcome, subject.encoding.maxLength));
    }
  } finally {
    progress.stop();
  }
  const tasks = plan.tasks.map(({ name }) => state.tasks[name]!);
  const groups = groupOutcomes(plan.groups, tasks);
  const results = resultsFile(tasks, groups, {
    model: "dlr",
    modelArguments: subject.source,
    modelName: subject.label,
    batchSize: String(batchSize ?? "auto"),
    limit: plan.limit ?? null,
    seed,
    maxLength: subject.encoding.maxLength,
    date: state.date,
    seconds: tasks.reduce((sum, { seconds }) => sum + seconds, 0),
  });
  writeFileAtomic(join(out, "results.json"), JSON.stringify(results, null, 2) + "\n");
  return { label: subject.label, tasks, groups };
}

function cutNote({ name, cut, firstCut }: TaskOutcome, maxLength: number): string {
  return `${name}: ${cut} prompt${cut === 1 ? " is" : "s are"} longer than the ${maxLength} ` +
    `tokens that the model reads and lost their beginning; the first is of ${firstCut}`;
}

/** The state that the folder holds, or a new one. */
function openState(subject: Subject, plan: EvaluationPlan): EvaluationState {
  const { out, shots, limit, seed, dataDir, fresh, backend, plugins = [] } = plan;
  const path = join(out, STATE);
  const asked = JSON.parse(JSON.stringify({
    ...subject.source,
    shots,
    limit,
    seed,
    dataDir,
    backend,
    // What was asked with other sources may have been answered otherwise.
    ...(plugins.length === 0 ? {} : {
      plugins: plugins.map(({ name, sha256 }) => [name, sha256?.slice(0, 12)].join(" ")),
    }),
  }));
  if (fresh) fs.rmSync(path, { force: true });
  fs.mkdirSync(out, { recursive: true });
  if (!fs.existsSync(path)) return { version: 1, date: Date.now() / 1000, asked, tasks: {} };
  const state = readJsonObject(path, "the state of an evaluation") as unknown as EvaluationState;
  if (state.version !== 1 || typeof state.tasks !== "object") {
    throw new UserError(`${path} is damaged: give --fresh to ask everything again`);
  }
  if (JSON.stringify(state.asked) !== JSON.stringify(asked)) {
    throw new UserError(
      `${out} holds an evaluation of ${JSON.stringify(state.asked)}, not of ` +
        `${JSON.stringify(asked)}: give --fresh to replace it, or another --out`,
    );
  }
  return state;
}
