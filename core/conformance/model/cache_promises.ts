/** Passes that go on from kept keys and values give what one pass over everything gives. */

import assert from "node:assert/strict";
import { type Router } from "../../contracts/mod.ts";
import { greater, input, scalar, slice } from "../../graph/mod.ts";
import { type InferenceModel, KeyValueCache, Passes } from "../../inference/mod.ts";
import { floats, type HostTensor, ints } from "../../tensor/mod.ts";
import { distance, worstFigure } from "../closeness.ts";
import { type Figure, type PluginPromise, showFigure } from "../promise.ts";
import { figure, type ModelSetup, part } from "./subject.ts";

/** What is kept is float32, whatever is computed with. */
const CACHED = 1e-4;

/** A router as plain as there is: a block runs where an element of the state is above the threshold. */
const BY_SIGN: Router = {
  name: "by sign",
  decidesBy: "state",
  params: () => ({}),
  decide(_params, anchor, { hiddenSize, routableLayers }, context) {
    // Fewer elements than blocks would be an odd model; the last blocks then go by the last element.
    const logits = slice(anchor, 2, 0, Math.min(hiddenSize, routableLayers));
    const threshold = context.mode === "eval" ? context.threshold : scalar(0);
    return { gates: greater(logits, threshold), logits };
  },
};

/** What holds of passes over a cache, which leave sizes to the run. */
export function cachePromises(setUp: () => ModelSetup): PluginPromise[] {
  const lookAt = "keysValues and block at the positions that they are given, earlier tokens in " +
    "Memory.earlier: leave attention to `attention`, which reads both";
  return [
    {
      name: "cached = uncached, token by token",
      lookAt,
      check: () => compare(setUp(), [1, 1, 1, 1, 1, 1, 1], "base"),
    },
    {
      name: "cached = uncached, in chunks",
      lookAt,
      check: () => compare(setUp(), [3, 1, 2, 1], "base"),
    },
    {
      name: "cached = uncached, blocks skipped",
      lookAt: `${lookAt}; a skipped token's keys and values are there too`,
      check: () => compare(setUp(), [2, 1, 1, 3], "routed"),
    },
  ];
}

/** One pass over two sequences beside passes over chunks of them. */
async function compare(
  setup: ModelSetup,
  chunks: readonly number[],
  depth: "base" | "routed",
): Promise<Figure | string> {
  const { model, weights, length, anchorLayers } = setup;
  await using backend = setup.subject.oracle.backend();
  const own: InferenceModel = {
    backend,
    student: { model, router: { router: BY_SIGN, anchorLayers } },
    depth,
    weights,
    point: { threshold: 0, targetSkip: 0.5 },
  };
  await using passes = new Passes(own);
  // The second one is shorter: its chunks end before the first one's do.
  const texts = [length, Math.max(1, length - 2)].map((count, i) =>
    Int32Array.from(setup.tokens(1, count, `text ${i}`).data)
  );
  const read = async (parts: readonly Int32Array[], cache?: KeyValueCache) => {
    const rows = parts.flatMap((ids, row) => Array.from(ids, (_, place) => [row, place] as const));
    const earlier = cache && { memory: cache.memory, lengths: cache.lengths, shared: false };
    return {
      rows,
      outputs: await passes.run({
        sequences: parts,
        rows,
        answers: "logits",
        keepsMemory: true,
        earlier,
      }),
    };
  };
  const whole = await read(texts);
  const expected = depth === "base" ? denseLogits(setup, texts) : whole.outputs["logits"]!;
  const starts = [0, texts[0]!.length];
  const cache = new KeyValueCache(2, model.dims);
  const figures: Figure[] = [];
  let begin = 0;
  for (const count of chunks) {
    const parts = texts.map((ids) => ids.subarray(begin, begin + count));
    const { rows, outputs } = await read(parts, begin === 0 ? undefined : cache);
    rows.forEach(([text, place], i) => {
      const at = starts[text]! + begin + place;
      const [now, then] = [rowOf(outputs["logits"]!, i), rowOf(expected, at)];
      figures.push(figure(distance(now, then), expected, CACHED));
    });
    cache.append(outputs, parts.map((ids) => ids.length));
    begin += count;
  }
  const worst = worstFigure(figures);
  const gates = whole.outputs["gates"];
  if (!gates || !(worst.value <= worst.bound)) return worst;
  const skipped = gates.data.filter((gate) => gate === 0).length;
  assert.ok(skipped > 0 && skipped < gates.data.length, "blocks are skipped by all or by none");
  return `${showFigure(worst)}; ${skipped} of ${gates.data.length} blocks skipped`;
}

/** Logits `[N, V]` of texts, one after the other, by passes of known sizes without a cache. */
function denseLogits(setup: ModelSetup, texts: readonly Int32Array[]): HostTensor {
  const all = texts.map((ids) => {
    const tokens = input("tokens", [1, ids.length], "int32");
    const feeds = { tokens: ints([1, ids.length], ids) };
    return [...setup.values({ logits: setup.logits(tokens) }, feeds).logits.data];
  }).flat();
  const { vocabSize } = setup.model.dims;
  return floats([all.length / vocabSize, vocabSize], all);
}

/** A row of logits `[N, V]`. */
function rowOf({ dtype, shape, data }: HostTensor, row: number): HostTensor {
  return part({ dtype, shape: [1, ...shape], data }, 0, row, row + 1);
}
