/** Our evaluation beside lm-evaluation-harness's, document by document. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { type TaskGroup } from "../../../core/contracts/mod.ts";
import {
  Encoder,
  groupOutcomes,
  hashesOf,
  prepareTask,
  runTask,
  type Sample,
  type TaskOutcome,
} from "../../../core/eval/mod.ts";
import { Passes } from "../../../core/inference/mod.ts";
import { openModel } from "../../../core/run/evaluation/subject.ts";
import { builtinPlugins } from "../../../plugins/mod.ts";
import { goldenRows, mmluSubjects } from "./data.ts";
import { assertNoDownload } from "./no_download.ts";

/** A golden, as far as it is compared; the README describes it. */
interface Golden {
  readonly run: {
    readonly task: string;
    readonly "num_fewshot": number | null;
    readonly limit: number | null;
  };
  readonly results: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly "task_hashes": Readonly<Record<string, string>>;
  readonly "documents_truncated": number;
  readonly samples: Readonly<Record<string, Columns>>;
}

interface Columns {
  readonly "doc_hash": readonly string[];
  readonly "prompt_hash": readonly string[];
  readonly "target_hash": readonly string[];
  readonly loglikelihoods?: readonly (readonly number[])[];
  readonly greedy?: readonly string[];
  readonly rolling?: readonly number[];
  readonly texts?: readonly string[];
  readonly filtered?: Readonly<Record<string, readonly string[]>>;
  readonly metrics: Readonly<Record<string, readonly unknown[]>>;
}

/** What a comparison found; all but the first two should be nothing or next to it. */
export interface Found {
  documents: number;
  numbers: number;
  /** Documents, prompts or targets that are not the same text. */
  otherTexts: number;
  /** Largest difference of a log-likelihood, in nats. */
  worstLogLikelihood: number;
  /** Largest difference of a page's log-likelihood, as a share of it. */
  worstRolling: number;
  /** Predictions, greedy flags, generated or filtered texts that differ. */
  otherAnswers: number;
  /** Metrics and standard errors that differ in their first four decimals. */
  otherMetrics: number;
  /** Metrics and standard errors that were compared. */
  metrics: number;
}

/** Runs a golden's tasks on the model in a folder and compares; `limit` documents of each task. */
export async function compareWithGolden(
  goldenPath: string,
  model: string,
  data: string,
  limit?: number,
): Promise<Found> {
  const golden = JSON.parse(gunzipSync(fs.readFileSync(goldenPath)).toString()) as Golden;
  const plugins = builtinPlugins();
  await using subject = await openModel(model, plugins, assertNoDownload);
  await using passes = new Passes(subject.model);
  const encoder = new Encoder(subject.encoding);
  const { task: name, num_fewshot: shots } = golden.run;
  const names = name === "mmlu" ? mmluSubjects(data).map((own) => `mmlu_${own}`) : [name];
  const found: Found = {
    documents: 0,
    numbers: 0,
    otherTexts: 0,
    worstLogLikelihood: 0,
    worstRolling: 0,
    otherAnswers: 0,
    otherMetrics: 0,
    metrics: 0,
  };
  const outcomes: TaskOutcome[] = [];
  const most = Math.min(limit ?? Infinity, golden.run.limit ?? Infinity);
  for (const own of names) {
    const prepared = await prepareTask(plugins.tasks.get(own), goldenRows(data), {
      seed: 1234,
      shots: shots ?? undefined,
      limit: Number.isFinite(most) ? most : undefined,
    });
    const { outcome, samples } = await runTask(passes, encoder, prepared);
    outcomes.push(outcome);
    compareSamples(golden.samples[own]!, samples, found);
    if (golden.samples[own]!.doc_hash.length === samples.length) {
      compareEntry(golden.results[own]!, outcome, found);
      if (golden["task_hashes"][own] !== outcome.hash) found.otherTexts++;
    }
  }
  const whole = outcomes.every(({ name: own, documents }) =>
    documents === golden.samples[own]!.doc_hash.length
  );
  if (whole) {
    for (const group of groupOutcomes(groupsOf(plugins.taskGroups.entries(), name), outcomes)) {
      compareEntry(golden.results[group.name]!, group, found);
    }
  }
  return found;
}

function groupsOf(entries: Iterable<[string, TaskGroup]>, name: string): TaskGroup[] {
  return Array.from(entries, ([, group]) => group).filter((group) => group.name.startsWith(name));
}

function compareSamples(golden: Columns, samples: readonly Sample[], found: Found): void {
  samples.forEach((sample, i) => {
    found.documents++;
    const hashes = hashesOf(sample);
    const same = hashes.doc.startsWith(golden.doc_hash[i]!) &&
      hashes.prompt.startsWith(golden.prompt_hash[i]!) &&
      hashes.target.startsWith(golden.target_hash[i]!);
    if (!same) found.otherTexts++;
    sample.answers.forEach((answer, j) => {
      found.numbers++;
      if (answer.kind === "loglikelihood") {
        const difference = Math.abs(answer.logLikelihood - golden.loglikelihoods![i]![j]!);
        found.worstLogLikelihood = Math.max(found.worstLogLikelihood, difference);
        if (answer.isGreedy !== (golden.greedy![i]![j] === "1")) found.otherAnswers++;
      } else if (answer.kind === "rolling") {
        const expected = golden.rolling![i]!;
        const difference = Math.abs((answer.logLikelihood - expected) / expected);
        found.worstRolling = Math.max(found.worstRolling, difference);
      } else if (answer.text !== golden.texts![i]) found.otherAnswers++;
    });
    for (const { filter, filtered, values } of sample.scored) {
      if (filtered && filtered[0] !== golden.filtered![filter]![i]) found.otherAnswers++;
      for (const [metric, value] of Object.entries(values)) {
        const expected = golden.metrics[`${metric},${filter}`]![i];
        if (typeof value === "number" && value !== expected) found.otherAnswers++;
      }
    }
  });
}

function compareEntry(
  golden: Readonly<Record<string, unknown>>,
  { metrics }: {
    readonly metrics: readonly {
      metric: string;
      filter: string;
      value: number;
      stderr?: number | undefined;
    }[];
  },
  found: Found,
): void {
  const check = (ours: number | undefined, theirs: unknown) => {
    found.metrics++;
    const same = ours === undefined ? theirs === "N/A" : typeof theirs === "number" &&
      Math.abs(ours - theirs) <= 0.5e-4 * Math.max(1, Math.abs(theirs) / 1e2);
    if (!same) found.otherMetrics++;
  };
  for (const { metric, filter, value, stderr } of metrics) {
    check(value, golden[`${metric},${filter}`]);
    check(stderr, golden[`${metric}_stderr,${filter}`]);
  }
}

/** Folder of the goldens. */
export const GOLDENS = fileURLToPath(new URL("./goldens", import.meta.url));

/** The goldens that there are, as `<model>/<run>`. */
export function goldenFiles(): string[] {
  return fs.readdirSync(GOLDENS).filter((name) => !name.includes(".")).flatMap((model) =>
    fs.readdirSync(join(GOLDENS, model)).map((file) => `${model}/${file.replace(".json.gz", "")}`)
  );
}

/** Asserts that nothing differs by more than rounding. */
export function assertSame(found: Found): void {
  assert.ok(found.documents > 0 && found.numbers >= found.documents);
  assert.equal(found.otherTexts, 0, "documents, prompts or targets differ");
  assert.ok(found.worstLogLikelihood <= 1e-3, `${found.worstLogLikelihood} nats`);
  assert.ok(found.worstRolling <= 1e-5, `${found.worstRolling} of a page's log-likelihood`);
  assert.equal(found.otherAnswers, 0, "predictions differ");
  assert.equal(found.otherMetrics, 0, "metrics differ");
}
