/**
 * What a model is asked to measure it. A task sees text and numbers, never a tensor: it turns rows of
 * a dataset into requests, and the answers into scores. Names are those of lm-evaluation-harness, so
 * that results can be laid beside its own.
 */

/** A row of a dataset: plain values, in the order of its columns. */
export type TaskRow = Readonly<Record<string, unknown>>;

/** Where a task's rows are. */
export interface TaskDataset {
  /** Name of its folder below a folder of local data, such as `"mmlu"`. */
  readonly folder: string;
  /** `organisation/name` on the hub; absent: there is none there. */
  readonly hub?: string;
  /** Which of the hub's configurations, such as `"abstract_algebra"`. */
  readonly config?: string;
  /** Names of the columns of a CSV file that has none in its first row. */
  readonly columns?: readonly string[];
  /**
   * Makes a row out of one that a file holds in another form; the row itself where it is as it should.
   *
   * @throws {UserError} when it cannot.
   */
  readonly fromCells?: (row: TaskRow) => TaskRow;
  /** Rows that are made instead of read, by split. */
  readonly rows?: (split: string) => Iterable<TaskRow>;
}

/** How the examples in front of a question are drawn. */
export interface ShotRule {
  /** The split that they are from. */
  readonly split: string;
  /** How many, unless told. */
  readonly count: number;
  /**
   * `first`: the first ones of the split. `random`: drawn anew for each document. `random-other`:
   * likewise, but for the document itself, which may be among them.
   */
  readonly draw: "first" | "random" | "random-other";
}

/** What a model is asked. */
export type TaskRequest =
  /** How likely is this continuation? */
  | { readonly kind: "loglikelihood"; readonly context: string; readonly continuation: string }
  /** How likely is this text, from nothing? */
  | { readonly kind: "rolling"; readonly text: string }
  /** What follows, greedily, up to one of these strings, the end token or so many tokens? */
  | {
    readonly kind: "generate";
    readonly context: string;
    readonly until: readonly string[];
    readonly maxTokens: number;
  };

/** What it answers; of the same kind as the request. */
export type TaskAnswer =
  /** In nats; `isGreedy`: every token of it was the likeliest one. */
  | {
    readonly kind: "loglikelihood";
    readonly logLikelihood: number;
    readonly isGreedy: boolean;
  }
  | { readonly kind: "rolling"; readonly logLikelihood: number }
  /** Without the string that ended it. */
  | { readonly kind: "generate"; readonly text: string };

/** How the values of documents become one. */
export type Aggregation =
  /** Sum over count; with a standard error. */
  | "mean"
  /** exp(−Σ log-likelihood / Σ weight) over pairs of the two. */
  | "weighted_perplexity"
  /** −Σ log-likelihood / Σ weight / ln 2 */
  | "bits_per_byte";

/** A number that a task yields. */
export interface Metric {
  /** Such as `"acc_norm"`. */
  readonly name: string;
  /** How its values of single documents become one. */
  readonly aggregation: Aggregation;
  /** Whether more of it is better: true of accuracies, false of perplexities. */
  readonly higherIsBetter: boolean;
}

/** A document's value of a metric: a number, or `[log-likelihood, weight]`. */
export type MetricValue = number | readonly [logLikelihood: number, weight: number];

/** A document's answers under one filter, and what they are worth. */
export interface Scored {
  /** `"none"`, or what was done to the answers, such as `"strict-match"`. */
  readonly filter: string;
  /** One for each request: what the filter made of its answer; absent: the answers as they are. */
  readonly filtered?: readonly string[];
  /** By the name of the metric. */
  readonly values: Readonly<Record<string, MetricValue>>;
}

/** A set of questions. `Doc` is a row that was checked, and perhaps added to. */
export interface Task<Doc = unknown> {
  /** What `--tasks` and results files call it. */
  readonly name: string;
  /** What tables call it; its name unless told. */
  readonly alias?: string;
  /** One line for `--help`. */
  readonly description: string;
  /** Rises when the same answers would be worth something else. */
  readonly version: number;
  /** What it asks for, in the harness's words; requests are all of the kind that goes with it. */
  readonly outputType: "multiple_choice" | "generate_until" | "loglikelihood_rolling";
  /** Where its rows are. */
  readonly dataset: TaskDataset;
  /** The split whose documents are asked. */
  readonly split: string;
  /** Absent: there are never any. */
  readonly shots?: ShotRule;
  /** What stands before everything, such as an instruction; nothing unless told. */
  readonly preamble?: string;
  /** Every number that it yields. */
  readonly metrics: readonly Metric[];
  /**
   * A row, checked.
   *
   * @throws {UserError} when a column is missing or a value makes no sense, naming it; the caller
   *   adds the file and the row.
   */
  document(row: TaskRow): Doc;
  /** The question as it stands in a prompt, without the answer. */
  question(doc: Doc): string;
  /** The answer as it stands in an example, after the question and a space. */
  answer(doc: Doc): string;
  /**
   * What the model is asked about a document.
   *
   * @param prefix what stands in front of the question: preamble and examples
   */
  requests(doc: Doc, prefix: string): readonly TaskRequest[];
  /** What was right, for the records. */
  target(doc: Doc): string;
  /** What the answers are worth, under each filter; the answers are in the order of the requests. */
  score(doc: Doc, answers: readonly TaskAnswer[]): readonly Scored[];
}

/** Tasks that are also reported together, each as many times as it has documents. */
export interface TaskGroup {
  /** What `--tasks` and results files call it. */
  readonly name: string;
  /** What tables call it; its name unless told. */
  readonly alias?: string;
  /** One line for `--help`. */
  readonly description: string;
  /** Rises when the same scores of its members would become another number. */
  readonly version: string;
  /** Names of tasks or of other groups. */
  readonly members: readonly string[];
  /** The metrics that are averaged. */
  readonly metrics: readonly string[];
}
