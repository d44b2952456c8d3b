/**
 * What was asked about each document and what came of it, one line of JSON each, in the shape of
 * lm-evaluation-harness 0.4.13 with `--log_samples`.
 */

import { createHash } from "node:crypto";
import { type Scored, type TaskAnswer, type TaskRequest } from "../../contracts/mod.ts";
import { pythonText } from "../python_text.ts";

/** A document with its requests, answers and scores. */
export interface Sample {
  /** Its place in the split, from 0. */
  readonly docId: number;
  readonly doc: unknown;
  readonly target: string;
  readonly requests: readonly TaskRequest[];
  readonly answers: readonly TaskAnswer[];
  readonly scored: readonly Scored[];
}

/** Hashes by which samples of two runs are told to be about the same thing. */
export interface SampleHashes {
  /** Of the document, as JSON indented by two spaces. */
  readonly doc: string;
  /** Of the first request's context or text. */
  readonly prompt: string;
  readonly target: string;
}

/** SHA-256 of a text in UTF-8, in hex. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The hashes of a sample. */
export function hashesOf({ doc, requests, target }: Sample): SampleHashes {
  return {
    doc: sha256(JSON.stringify(doc, null, 2)),
    prompt: sha256(requests[0] ? textOf(requests[0]) : ""),
    target: sha256(target),
  };
}

function textOf(request: TaskRequest): string {
  return request.kind === "rolling" ? request.text : request.context;
}

/** Lines for every filter in turn: all documents under the first, then all under the next. */
export function sampleLines(samples: readonly Sample[]): string[] {
  const filters = samples[0]?.scored.map(({ filter }) => filter) ?? [];
  return filters.flatMap((_, at) => samples.map((sample) => JSON.stringify(lineOf(sample, at))));
}

/** SHA-256 over the hashes of a task's lines, by which whole runs are compared. */
export function taskHash(samples: readonly Sample[]): string {
  const filters = samples[0]?.scored.length ?? 0;
  const own = samples.map(hashesOf).map(({ doc, prompt, target }) => doc + prompt + target);
  return sha256(own.join("").repeat(filters));
}

function lineOf(sample: Sample, at: number): Record<string, unknown> {
  const { docId, doc, target, requests, answers, scored } = sample;
  const { filter, filtered, values } = scored[at]!;
  const responses = answers.map(responseOf);
  const hashes = hashesOf(sample);
  return {
    "doc_id": docId,
    doc,
    target,
    arguments: Object.fromEntries(
      requests.map((request, i) => [`gen_args_${i}`, argumentsOf(request)]),
    ),
    resps: responses.map((response) => [response]),
    "filtered_resps": filtered ?? responses,
    filter,
    metrics: Object.keys(values),
    "doc_hash": hashes.doc,
    "prompt_hash": hashes.prompt,
    "target_hash": hashes.target,
    ...values,
  };
}

function argumentsOf(request: TaskRequest): Record<string, unknown> {
  switch (request.kind) {
    case "loglikelihood":
      return { "arg_0": request.context, "arg_1": request.continuation };
    case "rolling":
      return { "arg_0": request.text };
    case "generate":
      return {
        "arg_0": request.context,
        "arg_1": { until: request.until, "do_sample": false, temperature: 0 },
      };
  }
}

function responseOf(answer: TaskAnswer): string | readonly string[] {
  switch (answer.kind) {
    case "loglikelihood":
      return [pythonText(answer.logLikelihood), pythonText(answer.isGreedy)];
    case "rolling":
      return pythonText(answer.logLikelihood);
    case "generate":
      return answer.text;
  }
}
