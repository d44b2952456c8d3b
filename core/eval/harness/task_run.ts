/** One task, from its rows to its outcome. */

import {
  type Scored,
  type Task,
  type TaskDataset,
  type TaskRequest,
  UserError,
} from "../../contracts/mod.ts";
import { type TaskRows } from "../../io/mod.ts";
import { type Passes } from "../../inference/mod.ts";
import { type Encoder, type ScoringOptions } from "../scoring/mod.ts";
import { askRequests } from "./ask.ts";
import { FewShots } from "./few_shot.ts";
import { aggregate } from "./metrics.ts";
import { type MetricResult, type TaskOutcome, type TaskRouting } from "./outcome.ts";
import { type Sample, taskHash } from "./samples.ts";

/** Finds the rows of a split of a dataset. */
export type RowSource = (dataset: TaskDataset, split: string) => Promise<TaskRows>;

/** How a task is put. */
export interface TaskChoices {
  /** Examples in front of each question, where a task takes any; its own number unless told. */
  readonly shots?: number | undefined;
  /** How many documents are asked: a number, or a share below 1; all unless told. */
  readonly limit?: number | undefined;
  /** Draws the examples. */
  readonly seed: number;
}

/** A task's documents and all that is to be asked about them. */
export interface PreparedTask {
  readonly task: Task;
  readonly shots: number;
  readonly documents: readonly {
    readonly doc: unknown;
    readonly requests: readonly TaskRequest[];
    readonly where: string;
  }[];
  readonly available: number;
  /** How many requests there are. */
  readonly requests: number;
}

/**
 * Reads and checks a task's documents and writes its prompts.
 *
 * @throws {UserError} for a dataset that is missing or empty, and for a row that is wrong, naming it.
 */
export async function prepareTask(
  task: Task,
  source: RowSource,
  { shots: wanted, limit, seed }: TaskChoices,
): Promise<PreparedTask> {
  const shots = task.shots ? wanted ?? task.shots.count : 0;
  const split = await source(task.dataset, task.split);
  const count = limit === undefined
    ? split.rows.length
    : Math.min(split.rows.length, limit < 1 ? Math.ceil(limit * split.rows.length) : limit);
  const asked = checkedRows(task, split, count);
  const pool = shots === 0
    ? []
    : checkedRows(task, await source(task.dataset, task.shots!.split)).map(({ doc }) => doc);
  const examples = new FewShots(task, pool, shots, seed);
  const documents = asked.map(({ doc, where }) => ({
    doc,
    where,
    requests: task.requests(doc, examples.prefix(doc)),
  }));
  const requests = documents.reduce((sum, document) => sum + document.requests.length, 0);
  return { task, shots, documents, available: split.rows.length, requests };
}

function checkedRows(task: Task, { rows, whereIs }: TaskRows, count = rows.length) {
  return rows.slice(0, count).map((row, place) => {
    try {
      return { doc: task.document(row), where: whereIs(place) };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(`Cannot ask ${task.name}: ${whereIs(place)}: ${error.message}`);
    }
  });
}

/** Puts a prepared task to a model. */
export async function runTask(
  passes: Passes,
  encoder: Encoder,
  prepared: PreparedTask,
  options: ScoringOptions = {},
): Promise<{ outcome: TaskOutcome; samples: Sample[] }> {
  const { task, documents, shots, available } = prepared;
  passes.resetCounts();
  const started = performance.now();
  const wheres = documents.flatMap(({ requests, where }) => requests.map(() => where));
  const { answers, cut } = await askRequests(
    passes,
    encoder,
    documents.flatMap(({ requests }) => requests),
    { ...options, whereIs: (place) => `Cannot ask ${task.name}: ${wheres[place]}` },
  );
  let done = 0;
  const samples = documents.map(({ doc, requests }, docId): Sample => {
    const own = answers.slice(done, done += requests.length);
    return {
      docId,
      doc,
      requests,
      target: task.target(doc),
      answers: own,
      scored: task.score(doc, own),
    };
  });
  const outcome: TaskOutcome = {
    name: task.name,
    alias: task.alias ?? task.name,
    version: task.version,
    outputType: task.outputType,
    shots,
    documents: documents.length,
    available,
    metrics: metricsOf(task, samples),
    hash: taskHash(samples),
    cut: cut.length,
    firstCut: cut.length > 0 ? wheres[Math.min(...cut)] : undefined,
    seconds: (performance.now() - started) / 1000,
    tokens: passes.tokens,
    routing: routingOf(passes),
  };
  return { outcome, samples };
}

/** Every metric under every filter, aggregated. */
function metricsOf(task: Task, samples: readonly Sample[]): MetricResult[] {
  const filters = samples[0]?.scored ?? [];
  return filters.flatMap(({ filter }, at) =>
    task.metrics.map(({ name, aggregation, higherIsBetter }): MetricResult => {
      const values = samples.map(({ scored }) => (scored[at] as Scored).values[name]!);
      const { value, stderr } = aggregate(aggregation, values);
      return { metric: name, filter, value, stderr, aggregation, higherIsBetter, values };
    })
  );
}

function routingOf({ statistics }: Passes): TaskRouting | undefined {
  if (!statistics) return undefined;
  const { activeLayers, anchorLayers, routableLayers, skipRatio, layerActivity } = statistics;
  return { activeLayers, totalLayers: anchorLayers + routableLayers, skipRatio, layerActivity };
}
