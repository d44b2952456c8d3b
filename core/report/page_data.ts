/** What the HTML report shows, as it stands in the page: plain JSON, thin enough for many runs. */

/** `running` is a run that a process works on; `killed` one that says so, but nobody does. */
export type PageStatus = "running" | "interrupted" | "killed" | "finished";

/** A column of `metrics.csv`: a value at each of some steps, long ones averaged in groups. */
export interface PageCurve {
  readonly column: string;
  readonly steps: readonly number[];
  readonly values: readonly number[];
}

/** The share of tokens that ran each layer, at each of some steps. */
export interface PageActivity {
  readonly steps: readonly number[];
  /** Numbers of the layers, from 0, that may be skipped. */
  readonly layers: readonly number[];
  /** `[step][layer]`; `null` where the file has no value. */
  readonly shares: readonly (readonly (number | null)[])[];
}

/** What a model costs and is worth in one way of running it. */
export interface PageNumbers {
  /** Share of routable token-layer pairs that were skipped. */
  readonly skipRatio: number | null;
  /** Validation loss in nats per token. */
  readonly loss: number | null;
  readonly perplexity: number | null;
  /** FLOPs per token, relative to the base model's. */
  readonly flopsShare: number | null;
  /** Share of questions answered right. */
  readonly accuracy: number | null;
}

/** One checkpoint at a budget, by moving its threshold. */
export interface PageBudget extends PageNumbers {
  readonly budget: number | null;
}

/** The same checkpoint under other gates: the controls. */
export interface PageWay extends PageNumbers {
  readonly way: string;
}

/** A text with what the router did to each token. */
export interface PageSequence {
  readonly texts: readonly string[];
  /** Loss of the token after each, in nats; `null` where none is counted. */
  readonly losses: readonly (number | null)[];
  /** Of each token a digit per routable layer: `1` where it ran. */
  readonly gates: readonly string[];
}

/** Texts of one run. */
export interface PageTokens {
  readonly anchorLayers: number;
  readonly totalLayers: number;
  readonly sequences: readonly PageSequence[];
}

/** A run. Numbers that it has not, or not yet, are `null`. */
export interface PageRun extends PageNumbers {
  /** Path of its folder below the root. */
  readonly id: string;
  /** Changes when anything else here does. */
  readonly version: string;
  readonly experiment: string;
  readonly model: string;
  readonly data: string;
  readonly router: string;
  readonly seed: number;
  readonly status: PageStatus;
  /** Which runs its loss may be compared with. */
  readonly group: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Seconds that it took; `null` while it runs. */
  readonly seconds: number | null;
  /** The last step in `metrics.csv`, and how many there will be. */
  readonly step: number;
  readonly steps: number | null;
  readonly activeLayers: number | null;
  readonly totalLayers: number | null;
  readonly anchorLayers: number | null;
  /** FLOPs per token of the base model at full depth. */
  readonly baseFlops: number | null;
  /** Empty where the run has not ended. */
  readonly collapse: string;
  /** Whether its numbers are those of its last evaluation, as it has not ended. */
  readonly preliminary: boolean;
  readonly curves: readonly PageCurve[];
  readonly activity: PageActivity | null;
  /** Shares of tokens that ran each routable layer in the final evaluation. */
  readonly finalActivity: readonly number[] | null;
  readonly budgets: readonly PageBudget[];
  readonly ways: readonly PageWay[];
  readonly tokens: PageTokens | null;
  /** For readers: the command, the commit, the machine, the configuration. */
  readonly commandLine: string;
  readonly commit: string;
  readonly machine: string;
  readonly config: unknown;
}

/** A row of a table of trials that is no run in the folder. */
export interface PagePoint extends PageNumbers {
  readonly group: string;
  /** Path of the table. */
  readonly source: string;
  /** What tells the row from others of its table. */
  readonly label: string;
}

/** What a model scored on tasks. */
export interface PageEvaluation {
  readonly label: string;
  readonly folder: string;
  readonly scores: readonly {
    readonly task: string;
    readonly metric: string;
    readonly value: number;
  }[];
}

/** What is not a run. */
export interface PageRest {
  /** Changes when anything else here does. */
  readonly version: string;
  readonly points: readonly PagePoint[];
  readonly evaluations: readonly PageEvaluation[];
  /** What could not be read, a line each. */
  readonly notes: readonly string[];
}

/** All of it. */
export interface PageData {
  /** The folder, as the command line gave it. */
  readonly root: string;
  /** When it was read; ISO 8601. */
  readonly readAt: string;
  readonly runs: readonly PageRun[];
  readonly rest: PageRest;
}

/** Versions of all there is: what a page compares with its own to see what it has to fetch. */
export interface PageVersions {
  readonly root: string;
  readonly readAt: string;
  /** Version of each run by its id, earliest first. */
  readonly runs: readonly (readonly [id: string, version: string])[];
  readonly rest: string;
}
