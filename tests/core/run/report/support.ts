/** Folders of results with invented runs, written as runs write them. */

import { join } from "node:path";
import { mkdirSync } from "node:fs";
import { LAYER_COLUMNS, METRIC_COLUMNS, MetricsCsv } from "../../../../core/run/metrics_csv.ts";
import { type RunRecord, writeRunRecord } from "../../../../core/run/run_record.ts";
import { LAYERS_FILE, METRICS_FILE } from "../../../../core/run/metrics_csv.ts";
import { writeTokenTrace } from "../../../../core/run/token_trace.ts";

/** A temporary folder of results. */
export class Results implements Disposable {
  readonly root = Deno.makeTempDirSync({ prefix: "dlr_results_" });

  path(...names: string[]): string {
    return join(this.root, ...names);
  }

  /** Writes a text into the folder. */
  write(text: string, ...names: string[]): void {
    mkdirSync(join(this.root, ...names.slice(0, -1)), { recursive: true });
    Deno.writeTextFileSync(this.path(...names), text);
  }

  /** Writes a run of `steps` steps, an evaluation at every fifth, and returns its folder. */
  run(
    id: string,
    { steps = 20, seed = 0, status = "finished", ...other }: InventedRun = {},
  ): string {
    const folder = this.path(...id.split("/"));
    mkdirSync(folder, { recursive: true });
    writeRunRecord(folder, recordOf({ steps, seed, status, ...other }));
    using metrics = MetricsCsv.open(join(folder, METRICS_FILE), METRIC_COLUMNS);
    using layers = MetricsCsv.open(join(folder, LAYERS_FILE), LAYER_COLUMNS);
    for (let step = 1; step <= steps; step++) {
      const evaluates = step % 5 === 0;
      metrics.append({
        step,
        epoch: 0,
        "train_loss": 2 + Math.sin(step + seed) / 10,
        "ce_loss": 1 + 1 / step,
        "gate_loss": 0,
        "validation_loss": evaluates ? 1 + 1 / step : undefined,
        perplexity: evaluates ? Math.exp(1 + 1 / step) : undefined,
        "skip_ratio": 0.3 * step / steps,
        "avg_active_layers": 6 - step / steps,
        temperature: 1 - step / steps / 2,
      });
      if (!evaluates) continue;
      for (const layer of [2, 3, 4, 5]) {
        layers.append({ step, layer, "active_share": layer / 6 });
      }
    }
    return folder;
  }

  /** Gives a run texts. */
  tokens(folder: string, texts: readonly string[] = ["A", " red", " ball", ".\n", "End"]): void {
    writeTokenTrace(folder, {
      anchorLayers: 2,
      totalLayers: 6,
      targetSkip: 0.3,
      threshold: 0.1,
      sequences: [{
        texts: [...texts],
        losses: texts.map((_, at) => at === texts.length - 1 ? null : at / 2),
        gates: texts.map((_, at) => ["0000", "1000", "1100", "1110", "1111"][at % 5]!),
      }],
    });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

/** What of an invented run is chosen. */
export interface InventedRun {
  readonly name?: string;
  readonly steps?: number;
  readonly seed?: number;
  readonly status?: RunRecord["status"];
  readonly loss?: number;
  readonly skipRatio?: number;
  readonly startedAt?: string;
  readonly model?: string;
  readonly commandLine?: string;
}

function recordOf(run: InventedRun): RunRecord {
  const { name = "exp10", steps = 20, seed = 0, status = "finished" } = run;
  const { loss = 1.1, skipRatio = 0.3, startedAt = "2026-11-25T10:00:00.000Z", model = "nano" } =
    run;
  const ended = status === "finished";
  const final = {
    step: steps,
    loss,
    perplexity: Math.exp(loss),
    accuracy: 0.7,
    flopsPerToken: 1000 - 500 * skipRatio,
    skipRatio,
    activeLayers: 6 - 4 * skipRatio,
    totalLayers: 6,
    collapse: "none",
    layerActivity: [1, 0.5, 0.25, 0],
    rows: {
      base: { loss: 1, perplexity: Math.E, skipRatio: 0, flopsPerToken: 1000, accuracy: 0.75 },
      routed: {
        loss,
        perplexity: Math.exp(loss),
        skipRatio,
        flopsPerToken: 1000 - 500 * skipRatio,
      },
    },
    frontier: [{ budget: 0.5, loss: loss + 0.2, skipRatio: 0.5, flopsPerToken: 760 }],
    wallSeconds: 61,
  };
  return {
    name,
    status,
    config: {
      name,
      model,
      data: "microworld",
      seed,
      steps,
      sequenceLength: 128,
      router: { name: "token-gumbel", anchorLayers: 2 },
    },
    seed,
    versions: { dlr: "0.1.0", deno: "2.9.6", onnxruntime: "1.30.0" },
    commit: "abc",
    machine: {
      os: "linux",
      arch: "x86_64",
      processor: "a processor",
      cores: 2,
      memoryGigabytes: 8,
    },
    commandLine: run.commandLine ?? `deno task ${name} --fresh`,
    startedAt,
    finishedAt: ended ? "2026-11-25T10:01:02.000Z" : null,
    final: ended ? final : {},
  };
}
