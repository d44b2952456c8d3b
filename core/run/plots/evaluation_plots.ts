/** Figures of evaluations on tasks: accuracy, perplexity, and what they cost in layers. */

import type { TopLevelSpec } from "vega-lite";
import { layerProfiles } from "../../report/layers_figure.ts";
import {
  type Measure,
  type Measured,
  measuresFigure,
  type RowGroup,
} from "../../report/measures_figure.ts";
import { scatterFigure, type ScatterPoint } from "../../report/scatter_figure.ts";
import { type EvaluationResult, type ResultsFolder } from "../results_folder.ts";
import { caption, mean } from "./numbers.ts";
import { type Planned, plotEach } from "./plot.ts";
import { folderSource } from "./tables.ts";

/** Models that were asked the same: those of one experiment, or one that was evaluated by itself. */
interface Study {
  readonly source: string;
  readonly models: readonly EvaluationResult[];
}

/** Which metric stands for a task, as in the tables of evaluations: the first of these that it has. */
const ACCURACY = ["exact_match", "acc", "acc_norm"];
const PERPLEXITY = ["word_perplexity", "perplexity"];

const WORDS: Readonly<Record<string, string>> = {
  "exact_match": "exact match",
  "acc_norm": "accuracy, by length",
  "acc": "accuracy",
  "word_perplexity": "perplexity per word",
  "perplexity": "perplexity",
};

/** Figures of all `results.json`. */
export function evaluationPlots({ evaluations }: Pick<ResultsFolder, "evaluations">): Planned[] {
  const studies = studiesOf(evaluations);
  const needs = (what: string) =>
    evaluations.length === 0 ? "no results.json of an evaluation" : `no evaluation ${what}`;
  const command = "deno task exp7";
  const withMetric = (metrics: readonly string[]) =>
    studies.filter((study) => tasksOf(study, metrics).length > 0);
  return [
    ...plotEach(
      { kind: "benchmark_accuracy", needs: needs("asked questions"), command },
      withMetric(ACCURACY),
      ({ source }) => `${source}_benchmark_accuracy`,
      (study) =>
        taskBars(study, ACCURACY, "accuracy on tasks", {
          title: "share of right answers",
          ticks: [0, 0.5, 1],
        }),
    ),
    ...plotEach(
      { kind: "perplexity_bar", needs: needs("measured perplexity"), command },
      withMetric(PERPLEXITY),
      ({ source }) => `${source}_perplexity_bar`,
      (study) => taskBars(study, PERPLEXITY, "perplexity on tasks", { title: "perplexity" }),
    ),
    ...plotEach(
      { kind: "efficiency_scatter", needs: needs("compares a routed model with others"), command },
      withMetric(ACCURACY).filter(({ models }) => models.length > 1 && models.some(isRouted)),
      ({ source }) => `${source}_efficiency_scatter`,
      efficiencyFigure,
    ),
    ...plotEach(
      { kind: "task_layer_activity", needs: needs("was of a routed model"), command },
      studies.filter(({ models }) => models.some(isRouted)),
      ({ source }) => `${source}_task_layer_activity`,
      activityFigure,
    ),
  ];
}

/**
 * Evaluations by the folder that theirs are in. Those in `eval_summaries` itself were made one by one:
 * each is a study of its own, as another may have been asked something else.
 */
function studiesOf(evaluations: readonly EvaluationResult[]): Study[] {
  const groups = Map.groupBy(evaluations, ({ folder }) => {
    const parts = folder.split(/[\\/]/);
    return parts.length > 2 ? parts.slice(0, -1).join("/") : folder;
  });
  return Array.from(groups, ([folder, models]) => ({
    source: folderSource(folder),
    // Without a router first: what the others are compared with.
    models: models.toSorted((a, b) => rank(a) - rank(b)),
  }));
}

const isRouted = ({ routing }: EvaluationResult) =>
  Object.values(routing).some(({ layerActivity }) => layerActivity.length > 0);

const rank = (own: EvaluationResult) => own.label === "base" ? 0 : isRouted(own) ? 2 : 1;

/** A metric of a task with its standard error. */
interface Score extends Measured {
  readonly metric: string;
  readonly stderr?: number;
}

/** The best of `metrics` that the last filter gives a number for. */
function scoreOf(
  { results }: EvaluationResult,
  task: string,
  metrics: readonly string[],
): Score | undefined {
  const cells = results[task] ?? {};
  for (const metric of metrics) {
    const key = Object.keys(cells).findLast((key) => key.startsWith(`${metric},`));
    const value = key === undefined ? undefined : cells[key];
    if (typeof value !== "number" || !Number.isFinite(value)) continue;
    const stderr = cells[key!.replace(",", "_stderr,")];
    if (typeof stderr !== "number") return { metric, value };
    return { metric, value, stderr, low: value - stderr, high: value + stderr };
  }
  return undefined;
}

/** Tasks and groups that have one of the metrics; those inside a group stand for themselves no more. */
function tasksOf({ models }: Study, metrics: readonly string[]): string[] {
  const inside = new Set(models.flatMap(({ members }) => Object.values(members).flat()));
  const all = new Set(models.flatMap(({ results }) => Object.keys(results)));
  return [...all].filter((task) =>
    !inside.has(task) && models.some((model) => scoreOf(model, task, metrics))
  );
}

function asked({ models }: Study): string | undefined {
  const limits = [...new Set(models.map(({ limit }) => limit))];
  if (limits.length > 1) return "models were not asked the same number of documents";
  return typeof limits[0] === "number"
    ? `the first ${limits[0]} documents of each task`
    : undefined;
}

function taskBars(
  study: Study,
  metrics: readonly string[],
  title: string,
  axis: Pick<Measure, "title" | "ticks">,
): TopLevelSpec {
  const groups = tasksOf(study, metrics).map((task): RowGroup => {
    const scores = study.models.map((model) => scoreOf(model, task, metrics));
    const metric = scores.find((score) => score)!.metric;
    return {
      title: `${task} (${WORDS[metric] ?? metric})`,
      rows: study.models.map(({ label }, i) => {
        const score = scores[i];
        return {
          name: label,
          marked: isRouted(study.models[i]!),
          values: [score?.metric === metric ? score : undefined],
        };
      }),
    };
  });
  const hasErrors = groups.some(({ rows }) =>
    rows.some(({ values }) => values.some((own) => own?.low !== undefined))
  );
  return measuresFigure(groups, [{ ...axis, as: "bars", digits: 3 }], {
    title: `${study.source}: ${title}`,
    subtitle: caption(
      hasErrors ? "lines: ± one standard error" : undefined,
      study.models.some(isRouted) ? "in red: with a router" : undefined,
      asked(study),
    ) || undefined,
  });
}

/** Share of the layers that a model ran in a task. */
function layerShare(model: EvaluationResult, task: string): number {
  const tasks = [task, ...model.members[task] ?? []].flatMap((name) => model.routing[name] ?? []);
  if (tasks.length === 0) return 1;
  return mean(tasks.map(({ activeLayers, totalLayers }) => activeLayers / totalLayers));
}

function efficiencyFigure(study: Study): TopLevelSpec {
  const points = tasksOf(study, ACCURACY).flatMap((task) =>
    study.models.flatMap((model): ScatterPoint[] => {
      const score = scoreOf(model, task, ACCURACY);
      if (!score) return [];
      const { value: y, low, high } = score;
      return [{ series: model.label, panel: task, x: layerShare(model, task), y, low, high }];
    })
  );
  return scatterFigure(points, {
    title: `${study.source}: accuracy, and the layers that it takes`,
    subtitle: caption("lines: ± one standard error", asked(study)),
    x: { title: "share of layers run", format: ".0%" },
    y: { title: "accuracy" },
    neutral: study.models[0]!.label,
  });
}

function activityFigure(study: Study): TopLevelSpec {
  const profiles = study.models.filter(isRouted).map(({ label, routing }) => {
    const tasks = Object.values(routing).filter(({ layerActivity }) => layerActivity.length > 0);
    const [{ totalLayers, layerActivity }] = tasks as [typeof tasks[number]];
    const shares = layerActivity.map((_, layer) =>
      mean(tasks.flatMap((task) => task.layerActivity[layer] ?? []))
    );
    return { name: label, anchorLayers: totalLayers - layerActivity.length, shares };
  });
  return layerProfiles(profiles, {
    title: `${study.source}: share of tokens that run each layer`,
    subtitle: caption("means over tasks", "grey: always run", asked(study)),
  });
}
