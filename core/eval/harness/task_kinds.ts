/** The usual shapes of tasks, so that a task says what is its own and no more. */

import {
  type Metric,
  type ObjectSchema,
  type SchemaIssue,
  type Scored,
  type Task,
  type TaskAnswer,
  type TaskRow,
  UserError,
} from "../../contracts/mod.ts";
import { codePoints } from "../python_text.ts";

/** What tasks of every shape say of themselves. */
export type TaskFacts<Doc> = Omit<
  Task<Doc>,
  "outputType" | "metrics" | "answer" | "requests" | "target" | "score" | "question"
>;

const accuracy = (name: string): Metric => ({
  name,
  aggregation: "mean",
  higherIsBetter: true,
});

/** A question with choices: the likeliest continuation is the answer. */
export interface ChoiceTaskSpec<Doc> extends TaskFacts<Doc> {
  /** The question as it stands in a prompt, without the answer. */
  question(doc: Doc): string;
  /** The answers to choose from, as they follow the question and a space. */
  choices(doc: Doc): readonly string[];
  /** Index of the right one. */
  gold(doc: Doc): number;
  /** Also `acc_norm`: log-likelihoods divided by the choices' lengths in characters. */
  readonly normalized?: boolean;
}

/** A task of questions with choices: `acc`, and `acc_norm` where wanted. */
export function choiceTask<Doc>(spec: ChoiceTaskSpec<Doc>): Task<Doc> {
  const { choices, gold, normalized = false, ...common } = spec;
  return {
    ...common,
    document(row) {
      const doc = spec.document(row);
      const [right, count] = [gold(doc), choices(doc).length];
      if (Number.isInteger(right) && right >= 0 && right < count) return doc;
      throw new UserError(`the right answer is choice ${right}, where there are ${count}, from 0`);
    },
    outputType: "multiple_choice",
    metrics: [accuracy("acc"), ...(normalized ? [accuracy("acc_norm")] : [])],
    answer: (doc) => choices(doc)[gold(doc)]!,
    requests: (doc, prefix) =>
      choices(doc).map((choice) => ({
        kind: "loglikelihood",
        context: prefix + spec.question(doc),
        continuation: ` ${choice}`,
      })),
    target: (doc) => String(gold(doc)),
    score: (doc, answers) =>
      scoreChoices(answers, gold(doc), normalized ? choices(doc).map(codePoints) : undefined),
  };
}

/**
 * What likelihoods of choices are worth; the first of equal ones counts.
 *
 * @param lengths of the choices, for `acc_norm`
 */
export function scoreChoices(
  answers: readonly TaskAnswer[],
  gold: number,
  lengths?: readonly number[],
): Scored[] {
  const likelihoods = answers.map((answer) =>
    answer.kind === "loglikelihood" ? answer.logLikelihood : NaN
  );
  const right = (values: readonly number[]) => indexOfLargest(values) === gold ? 1 : 0;
  const values = {
    acc: right(likelihoods),
    ...(lengths ? { "acc_norm": right(likelihoods.map((own, i) => own / lengths[i]!)) } : {}),
  };
  return [{ filter: "none", values }];
}

/** Of the first largest value; as in numpy, what is not a number counts as the largest. */
function indexOfLargest(values: readonly number[]): number {
  const notNumber = values.findIndex(Number.isNaN);
  return notNumber >= 0 ? notNumber : values.indexOf(Math.max(...values));
}

/** A question that is answered in free text. */
export interface GenerationTaskSpec<Doc> extends TaskFacts<Doc> {
  /** The question as it stands in a prompt, without the answer. */
  question(doc: Doc): string;
  /** The whole right answer, as it stands in an example after the question and a space. */
  target(doc: Doc): string;
  /** Strings that end an answer. */
  readonly until: readonly string[];
  /** The most tokens of an answer. */
  readonly maxTokens: number;
  /** What is taken out of an answer, by the names of the ways. */
  readonly filters: Readonly<Record<string, (text: string) => string>>;
  /** What of a target or of a filtered answer is compared. */
  compared(text: string): string;
}

/** A task of free answers: `exact_match` under each filter. */
export function generationTask<Doc>(spec: GenerationTaskSpec<Doc>): Task<Doc> {
  const { until, maxTokens, filters, compared, ...common } = spec;
  return {
    ...common,
    outputType: "generate_until",
    metrics: [accuracy("exact_match")],
    answer: (doc) => spec.target(doc),
    requests: (doc, prefix) => [
      { kind: "generate", context: prefix + spec.question(doc), until, maxTokens },
    ],
    score: (doc, [answer]) =>
      Object.entries(filters).map(([filter, take]): Scored => {
        const text = take(answer?.kind === "generate" ? answer.text : "");
        const right = compared(text) === compared(spec.target(doc));
        return { filter, filtered: [text], values: { "exact_match": right ? 1 : 0 } };
      }),
  };
}

/** A text whose likelihood is measured. */
export interface PerplexityTaskSpec<Doc> extends TaskFacts<Doc> {
  /** The text that the model reads. */
  text(doc: Doc): string;
  /** How many words count. */
  words(doc: Doc): number;
  /** How many bytes count. */
  bytes(doc: Doc): number;
}

const perplexities: readonly Metric[] = [
  { name: "word_perplexity", aggregation: "weighted_perplexity", higherIsBetter: false },
  { name: "byte_perplexity", aggregation: "weighted_perplexity", higherIsBetter: false },
  { name: "bits_per_byte", aggregation: "bits_per_byte", higherIsBetter: false },
];

/** A task of texts: `word_perplexity`, `byte_perplexity` and `bits_per_byte`. */
export function perplexityTask<Doc>(spec: PerplexityTaskSpec<Doc>): Task<Doc> {
  const { text, words, bytes, ...common } = spec;
  return {
    ...common,
    outputType: "loglikelihood_rolling",
    metrics: perplexities,
    question: () => "",
    answer: text,
    requests: (doc) => [{ kind: "rolling", text: text(doc) }],
    target: text,
    score(doc, [answer]) {
      const logLikelihood = answer?.kind === "rolling" ? answer.logLikelihood : NaN;
      return [{
        filter: "none",
        values: {
          "word_perplexity": [logLikelihood, words(doc)],
          "byte_perplexity": [logLikelihood, bytes(doc)],
          "bits_per_byte": [logLikelihood, bytes(doc)],
        },
      }];
    },
  };
}

/**
 * A row as a schema wants it, with its columns in their own order and no others lost.
 *
 * @throws {UserError} naming the first column that is missing or wrong.
 */
export function checkedRow<Doc>(schema: ObjectSchema<Doc>, row: TaskRow): Doc {
  const parsed = schema.loose().safeParse(row);
  if (parsed.success) return row as Doc;
  const [{ path, message }] = parsed.error.issues as [SchemaIssue];
  const column = String(path[0]);
  const there = Object.keys(row).map((name) => `"${name}"`).join(", ") || "none";
  throw new UserError(
    column in row
      ? `column "${path.join(".")}": ${message}`
      : `column "${column}" is missing; there are ${there}`,
  );
}
