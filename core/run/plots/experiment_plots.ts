/** Figures that lay experiments beside each other: their losses, perplexities, and what they cost. */

import type { TopLevelSpec } from "vega-lite";
import { curvesFigure } from "../../report/curves_figure.ts";
import { layerProfiles } from "../../report/layers_figure.ts";
import { type MeasuredRow, measuresFigure } from "../../report/measures_figure.ts";
import { scatterFigure } from "../../report/scatter_figure.ts";
import {
  BASE,
  budgetPoints,
  costPoints,
  curvesOf,
  lastTenth,
  profileOf,
} from "./experiment_data.ts";
import { type FinalNumbers, finalOf } from "./final_numbers.ts";
import { caption, overSeeds, seedsCaption } from "./numbers.ts";
import { type Planned, type PlotKind } from "./plot.ts";
import { type ExperimentRuns, type Family, seedsInWords } from "./selected_runs.ts";

/** A figure over the experiments of a family. */
interface FamilyPlot extends PlotKind {
  /** Whether an experiment has what it shows. */
  readonly has: (experiment: ExperimentRuns) => boolean;
  readonly draw: (experiments: readonly ExperimentRuns[], family: Family) => TopLevelSpec;
}

const LOSS = "validation loss (nats per token)";
const TRAIN = "deno task exp1 --fresh";
const TRAIN_ROUTER = "deno task exp10 --fresh";

const hasColumn = (column: string) => ({ runs }: ExperimentRuns) =>
  runs.some(({ metrics }) => metrics.some((row) => row[column] !== undefined));

const hasFinal = (of: (final: FinalNumbers) => unknown) => ({ runs, finished }: ExperimentRuns) =>
  finished && runs.some(({ record }) => of(finalOf(record)) !== undefined);

const FAMILY_PLOTS: readonly FamilyPlot[] = [
  {
    kind: "validation_loss_convergence",
    needs: "no run has been validated",
    command: TRAIN,
    has: hasColumn("validation_loss"),
    draw: (experiments, family) =>
      curvesFigure(curvesOf(experiments, "validation_loss", false), {
        title: "Validation loss over training",
        subtitle: caption(about(family, experiments), bandWords(experiments)),
        y: { title: LOSS },
        all: namesOf(family.experiments),
        dots: true,
      }),
  },
  {
    kind: "training_loss_trajectory",
    needs: "no run has taken a step",
    command: TRAIN,
    has: hasColumn("ce_loss"),
    draw: (experiments, family) =>
      curvesFigure(curvesOf(experiments, "ce_loss", true), {
        title: "Cross-entropy in training, smoothed",
        subtitle: caption(about(family, experiments), bandWords(experiments)),
        y: { title: "cross-entropy (nats per token)" },
        all: namesOf(family.experiments),
      }),
  },
  {
    kind: "validation_loss_final_bar",
    needs: "no run is finished",
    command: TRAIN,
    has: hasFinal(({ loss }) => loss),
    draw: (experiments, family) =>
      finalBars(experiments, family, "Final validation loss", LOSS, ({ loss }) => loss, "loss"),
  },
  {
    kind: "validation_perplexity_bar",
    needs: "no run is finished",
    command: TRAIN,
    has: hasFinal(({ perplexity }) => perplexity),
    draw: (experiments, family) =>
      finalBars(
        experiments,
        family,
        "Final validation perplexity",
        "perplexity per token",
        ({ perplexity }) => perplexity,
        "perplexity",
      ),
  },
  {
    kind: "training_loss_final_bar",
    needs: "no run is finished",
    command: TRAIN,
    has: (own) => own.finished && hasColumn("ce_loss")(own),
    draw: (experiments, family) => {
      const rows = experiments.map(({ experiment, runs }) => {
        const own = overSeeds(runs.map(({ metrics }) => lastTenth(metrics, "ce_loss")));
        return { name: experiment, values: [own, own] };
      });
      return barsAndDots(rows, experiments, {
        title: "Cross-entropy in training, mean of the last tenth of the steps",
        about: about(family, experiments),
        axis: "cross-entropy (nats per token)",
      });
    },
  },
  {
    kind: "all_experiments_loss",
    needs: "no run is finished",
    command: TRAIN,
    has: (own) => own.finished && costPoints([own]).some(({ series }) => series !== BASE),
    draw: (experiments, family) =>
      scatterFigure(costPoints(experiments), {
        title: "What each experiment loses, and what it costs",
        subtitle: caption(
          about(family, experiments),
          experiments.some(({ runs }) => runs.length > 1) ? "circles: seeds" : undefined,
          "FLOPs are those of matrix products",
        ),
        x: { title: "" },
        panelNames: "x",
        y: { title: LOSS },
        all: namesOf(family.experiments),
        neutral: BASE,
      }),
  },
  {
    kind: "budget_frontier",
    needs: "no finished run of a router was evaluated at further budgets",
    command: TRAIN_ROUTER,
    has: (own) => own.finished && budgetPoints([own]).length > 1,
    draw: (experiments, family) =>
      scatterFigure(budgetPoints(experiments), {
        title: "One checkpoint at other budgets, by moving its threshold",
        subtitle: caption(about(family, experiments), "means over seeds"),
        x: { title: "skip ratio", format: ".0%" },
        y: { title: LOSS },
        all: namesOf(family.experiments),
        joined: true,
      }),
  },
  {
    kind: "layer_activity_final",
    needs: "no finished run leaves layers out",
    command: TRAIN_ROUTER,
    has: (own) => own.finished && profileOf(own).shares.some((share) => share < 1),
    draw: (experiments, family) =>
      layerProfiles(experiments.map(profileOf), {
        title: "Share of tokens that run each layer, at the end",
        subtitle: caption(about(family, experiments), "means over seeds", "grey: always run"),
      }),
  },
];

/** Figures over all experiments, for each family that has what they show. */
export function experimentPlots(families: readonly Family[]): Planned[] {
  return FAMILY_PLOTS.flatMap(({ kind, needs, command, has, draw }): Planned[] => {
    const drawn = families.flatMap((family) => {
      const experiments = family.experiments.filter(has);
      const name = `${kind}${family.suffix}`;
      return experiments.length === 0
        ? []
        : [{ kind, name, draw: () => draw(experiments, family) }];
    });
    return drawn.length > 0 ? drawn : [{ kind, name: kind, reason: needs, command }];
  });
}

const namesOf = (experiments: readonly ExperimentRuns[]) =>
  experiments.map(({ experiment }) => experiment);

/** `nano on microworld, n = 2 seeds`, and which runs are not at their end. */
function about(
  { model, data }: Pick<Family, "model" | "data">,
  experiments: readonly ExperimentRuns[],
): string {
  const unfinished = experiments.filter(({ finished }) => !finished);
  return caption(
    `${model} on ${data}, ${seedsInWords(experiments)}`,
    unfinished.length > 0 ? `not finished: ${namesOf(unfinished).join(", ")}` : undefined,
  );
}

function bandWords(experiments: readonly ExperimentRuns[]): string | undefined {
  return experiments.some(({ runs }) => runs.length > 1)
    ? "lines: means over seeds; bands: from the lowest to the highest seed"
    : undefined;
}

/** A row of the base model, as the first experiment that measured it has it, and one for each. */
function finalBars(
  experiments: readonly ExperimentRuns[],
  family: Family,
  title: string,
  axis: string,
  numberOf: (final: FinalNumbers) => number | undefined,
  baseKey: "loss" | "perplexity",
): TopLevelSpec {
  const finals = experiments.flatMap(({ runs }) => runs.map(({ record }) => finalOf(record)));
  const base = overSeeds([finals.find(({ rows }) => rows?.["base"])?.rows?.["base"]?.[baseKey]]);
  const rows = experiments.map(({ experiment, runs }): MeasuredRow => {
    const own = overSeeds(runs.map(({ record }) => numberOf(finalOf(record))));
    return { name: experiment, values: [own, own] };
  });
  const baseRow = base ? [{ name: BASE, values: [base, base], marked: true }] : [];
  return barsAndDots([...baseRow, ...rows], experiments, {
    title,
    about: about(family, experiments),
    axis,
  });
}

/** Bars from zero, and beside them the same numbers near to, with their seeds. */
function barsAndDots(
  rows: readonly MeasuredRow[],
  experiments: readonly ExperimentRuns[],
  words: { readonly title: string; readonly about: string; readonly axis: string },
): TopLevelSpec {
  const bars = rows.map(({ values: [bar, dots], ...row }) => ({
    ...row,
    values: [bar && { value: bar.value }, dots],
  }));
  return measuresFigure([{ rows: bars }], [
    { title: words.axis, as: "bars", digits: 3 },
    { title: "the same, enlarged", as: "dots" },
  ], {
    title: words.title,
    subtitle: caption(words.about, seedsCaption(experiments.map(({ runs }) => runs.length))),
  });
}
