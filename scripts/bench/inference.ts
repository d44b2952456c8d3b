/**
 * Times routed inference against dense inference of the same model: reading a prompt, and writing the
 * next token after it, at several shares of kept tokens.
 *
 *   deno task bench:inference                     TinyLlama's shapes with 8 layers: a table
 *   deno task bench:inference --json              a JSON line for each measurement
 *   deno task bench:inference --weights int4      matrices in blocks of four bits
 *   deno task bench:inference --rivals DIR        llama.cpp and transformers.js in turn with ours
 *
 * Weights are random and so are the gates, drawn anew for every pass; the time of a product depends on
 * neither. All are timed in turn, round by round.
 */

import "../../core/run/permissions.ts";
import { Option } from "@commander-js/extra-typings";
import { csvFormat } from "d3-dsv";
import { join } from "node:path";
import { UserError } from "../../core/contracts/mod.ts";
import { writeFileAtomic } from "../../core/io/mod.ts";
import {
  countFrom,
  countsFrom,
  newCommand,
  numbersBetween,
  readOptions,
} from "../../core/run/command.ts";
import {
  InferenceTiming,
  thresholdKeeping,
  type TimedWay,
  type WayTime,
} from "../../core/run/inference_timing.ts";
import { runScript } from "../../core/run/script.ts";
import { formatTable } from "../../core/run/table.ts";
import { onnxBackend } from "../../plugins/backends/onnx/mod.ts";
import { randomRouter } from "../../plugins/routers/random.ts";
import { openRivals, RIVALS, type RivalTime } from "./rivals/rivals.ts";
import { MODEL_CONFIGS, modelOf, withLayers } from "./models.ts";
import { randomWeights } from "./step_workload.ts";

const command = newCommand(
  "deno task bench:inference",
  "Times prefill and decoding with skipped layers against dense, in turn.",
)
  .option("--model <name>", `shapes: ${Object.keys(MODEL_CONFIGS).join(", ")}`, "tinyllama")
  .option("--layers <n>", "layers of the model", countFrom(1), 8)
  .option("--anchor-layers <n>", "layers that always run", countFrom(0), 4)
  .option("--keep <list>", "shares of kept tokens", numbersBetween(0, 1), [1, 0.8, 0.6, 0.4, 0.2])
  .option("--length <n>", "tokens of a prompt", countFrom(2), 512)
  .option("--batches <list>", "sequences at once", countsFrom(1), [1, 4])
  .addOption(
    new Option("--weights <format>", "how matrices are kept")
      .choices(["float32", "int4"] as const).default("float32" as const),
  )
  .option("--rounds <n>", "rounds of all measurements", countFrom(1), 5)
  .option("--steps <n>", "tokens that a round writes", countFrom(1), 12)
  .option("--threads <n>", "threads; 0 takes every core", countFrom(0), 0)
  .option("--rivals <DIR>", "folder with other runtimes, see scripts/bench/rivals/README.md")
  .option("--csv <FILE>", "write the measurements there too")
  .option("--json", "a JSON line for each measurement");

await runScript(async () => {
  const options = readOptions(command);
  const config = MODEL_CONFIGS[options.model];
  if (!config) {
    const known = Object.keys(MODEL_CONFIGS).join(", ");
    throw new UserError(`There are no shapes of "${options.model}"; there are ${known}`);
  }
  const { anchorLayers } = options;
  if (anchorLayers >= options.layers) {
    throw new UserError(
      `--anchor-layers ${anchorLayers} leaves none of ${options.layers} layers to skip`,
    );
  }
  const model = modelOf(withLayers(config, options.layers), options.model);
  const rivals = options.rivals === undefined ? undefined : await openRivals({
    folder: options.rivals,
    models: join(options.rivals, "models"),
  });
  if (rivals && (rivals.layers !== options.layers || options.model !== "tinyllama")) {
    throw new UserError(
      `The rivals' model has TinyLlama's shapes and ${rivals.layers} layers: leave out --model and ` +
        `give --layers ${rivals.layers}, or make another with make_rival_models.py`,
    );
  }
  await using backend = onnxBackend({ threads: options.threads });
  const source = randomWeights(model);
  const weights = Object.fromEntries(
    Object.keys(model.params()).map((name) => [name, source.read(name)]),
  );
  const router = { router: randomRouter.create({ per: "token" }), anchorLayers };
  const own = { backend, student: { model, router }, weights };
  const ways: TimedWay[] = [
    { how: "dense", kind: "dense", model: { ...own, depth: "base" } },
    ...options.keep.map((share): TimedWay => {
      const point = { threshold: thresholdKeeping(share), targetSkip: 0 };
      return {
        how: `${Math.round(100 * share)}% kept`,
        kind: "routed",
        keep: share,
        model: { ...own, depth: "routed", point },
      };
    }),
  ];
  await using timing = new InferenceTiming(ways, {
    length: options.length,
    weightFormat: options.weights,
  });
  const times: Row[] = [];
  for (const batch of options.batches) {
    times.push(...await timing.prefill(batch, options.rounds));
    times.push(...await timing.decode(batch, options.rounds * options.steps));
  }
  for (const rival of RIVALS) {
    const theirs = await rivals?.timeRival(rival, {
      promptTokens: options.length,
      prefillRounds: options.rounds,
      decodeSteps: options.rounds * options.steps,
      decodeBatches: options.batches,
      threads: options.threads || navigator.hardwareConcurrency,
      seed: 1,
    });
    times.push(...(theirs ?? []).map((time) => beside(time, times)));
  }
  const rows = times.map(asRow);
  if (options.csv !== undefined) writeFileAtomic(options.csv, csvFormat(rows) + "\n");
  if (options.json) rows.forEach((row) => console.log(JSON.stringify(row)));
  else showTable(times);
});

/** A measurement of ours or of a rival. */
type Row = Pick<WayTime, "how" | "phase" | "batch" | "ms"> & Partial<WayTime>;

/** A rival's time, over that of our dense pass. The least counts: some of its tokens stumble. */
function beside({ rival, phase, batch, least }: RivalTime, ours: readonly Row[]): Row {
  const dense = ours.find((own) =>
    own.how === "dense" && own.phase === phase && own.batch === batch
  );
  return {
    how: rival,
    phase,
    batch,
    ms: least,
    ...(dense ? { timeShare: least / dense.ms } : {}),
  };
}

function asRow({ phase, batch, how, keep, ms, flopShare, timeShare, realized }: Row) {
  const rounded = (value: number | null | undefined) =>
    value === null || value === undefined ? null : Number(value.toFixed(4));
  return {
    "phase": phase,
    "batch": batch,
    "keep": keep ?? how,
    "ms": rounded(ms),
    "flop_share": rounded(flopShare),
    "time_share": rounded(timeShare),
    "realized": rounded(realized),
  };
}

function showTable(times: readonly Row[]): void {
  console.log(formatTable(
    [
      { title: "phase" },
      { title: "batch" },
      { title: "kept" },
      { title: "ms", digits: 2 },
      { title: "of dense FLOPs", digits: 3 },
      { title: "of dense time", digits: 3 },
      { title: "realized", digits: 2 },
    ],
    times.map((time) => [
      time.phase,
      time.batch,
      time.how,
      time.ms,
      time.flopShare,
      time.timeShare,
      time.realized,
    ]),
  ));
}
