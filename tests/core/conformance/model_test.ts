/** Wrong models: each breaks the promise that it does not keep, and says how. */

import assert from "node:assert/strict";
import { type ModelSubject } from "../../../core/conformance/mod.ts";
import { type Backend, type DecoderModel, type Memory } from "../../../core/contracts/mod.ts";
import {
  add,
  broadcastTo,
  constant,
  matmulRows,
  mul,
  type Node,
  reduceSum,
  scalar,
  scale,
  shapeOf,
  slice,
  stopGradient,
} from "../../../core/graph/mod.ts";
import { floats, type HostTensor, ints, isRuntimeSize } from "../../../core/tensor/mod.ts";
import { referenceBackend } from "../../../plugins/backends/reference/mod.ts";
import { promisesOf, RIGHT } from "./models.ts";
import { assertBroken, assertKept, brokenOf } from "./support.ts";

const UP = "model.layers.0.mlp.up_proj";

Deno.test("a right model keeps every promise that it can be asked", async () => {
  const outcomes = await assertKept(promisesOf({}));
  const skipped = outcomes.filter(({ state }) => state === "skip").map(({ name }) => name);
  assert.deepEqual(skipped, [
    "a backend = reference",
    "it can be exported",
    "the checkpoint is covered by its parameters",
    "logits = those of other software",
  ]);
  assert.ok(outcomes.length - skipped.length >= 20);
});

Deno.test("a block of a wrong shape is named with both shapes, and nothing further is asked", () =>
  assertBroken(
    promisesOf({ block: (...given) => slice(RIGHT.block(...given), 2, 0, 12) }),
    { shapes: /block 0 gives float32\[3, 7, 12\], not float32\[3, 7, 16\]/ },
  ));

Deno.test("a model that throws is told by what it throws", () =>
  assertBroken(
    promisesOf({
      block() {
        throw new RangeError("odd\nnumber");
      },
    }),
    { shapes: /^it throws a RangeError: odd number: / },
  ));

Deno.test("a parameter of another name is told by the one that is read", () => {
  const { [`${UP}.weight`]: spec, ...others } = RIGHT.params();
  const params = () => ({ ...others, "model.layers.0.mlp.up.weight": spec! });
  return assertBroken(promisesOf({ params }), {
    parameters: /it reads "model\.layers\.0\.mlp\.up_proj\.weight", which it does not declare/,
  });
});

Deno.test("a parameter that nothing reads is told", () => {
  const spec = { shape: [3], init: { kind: "constant", value: 0 } } as const;
  const params = () => ({ ...RIGHT.params(), "model.extra": spec });
  return assertBroken(promisesOf({ params }), { parameters: /never reads model\.extra/ });
});

Deno.test("a projection that is no parameter is told by name", async () => {
  const projections = (
    layer: number,
  ) => [...RIGHT.projections(layer), `model.layers.${layer}.gone`];
  const broken = await brokenOf(promisesOf({ projections }));
  assert.match(
    broken.get("projections are parameters")!,
    /there is no parameter "model\.layers\.0\.gone\.weight"/,
  );
});

/** The model with another memory for its blocks. */
function remembering(change: (memory: Memory) => Memory): Partial<DecoderModel> {
  return {
    block: (params, layer, rows, positions, memory) =>
      RIGHT.block(params, layer, rows, positions, change(memory)),
  };
}

Deno.test("a model that sees later tokens is not causal", async () => {
  const seeingAll = remembering((memory) => ({ ...memory, mask: scale(memory.mask, 0) }));
  const broken = await brokenOf(promisesOf(seeingAll));
  assert.match(
    broken.get("causal")!,
    /^max difference [\d.e-]+, bound .*: block adds Memory\.mask/,
  );
  assert.ok(broken.has("padding does not matter"));
  // Who is told apart by who sees whom only is as it should be.
  assert.ok(!broken.has("a batch = each alone") && !broken.has("gates all one = dense"));
});

Deno.test("a model that reads no other token is told", async () => {
  const blind = remembering((memory) => ({ ...memory, values: scale(memory.values, 0) }));
  const broken = await brokenOf(promisesOf(blind));
  assert.match(broken.get("a token reads what is before it")!, /the first token changes nothing/);
});

Deno.test("a model that forgets its cache gives other numbers with one, and none without", () =>
  assertBroken(
    promisesOf(remembering(({ earlier, ...memory }) => ({
      ...memory,
      // As many positions as the mask has, but empty.
      ...(earlier
        ? { earlier: { keys: scale(earlier.keys, 0), values: scale(earlier.values, 0) } }
        : {}),
    }))),
    {
      "cached = uncached, token by token": /max difference .*Memory\.earlier/,
      "cached = uncached, in chunks": /max difference/,
      "cached = uncached, blocks skipped": /max difference/,
    },
  ));

Deno.test("a model that counts tokens where it should read positions is told by its cache", () => {
  const counting: Partial<DecoderModel> = {
    keysValues: (params, layer, states, positions) =>
      RIGHT.keysValues(params, layer, states, counted(positions, states)),
  };
  return assertBroken(promisesOf(counting), {
    "cached = uncached, token by token": /max difference/,
    "cached = uncached, in chunks": /max difference/,
  });
});

/** Positions from 0 on; where the number of tokens is left to the run, 0 for all. */
function counted(positions: Node, states: Node): Node {
  const [batch, length] = shapeOf(states) as [number, number, number];
  if (isRuntimeSize(length)) return broadcastTo(constant(ints([1, 1])), shapeOf(positions));
  const row = constant(ints([1, length], Array.from({ length }, (_, place) => place)));
  return broadcastTo(row, [batch, length]);
}

Deno.test("a batch whose sequences are mixed is told", async () => {
  const mixing: Partial<DecoderModel> = {
    head(params, rows) {
      const shape = shapeOf(rows);
      if (shape.length < 3) return RIGHT.head(params, rows);
      const all = reduceSum(rows, [0], true);
      return RIGHT.head(params, add(rows, scale(broadcastTo(all, shape), 0.1)));
    },
  };
  const broken = await brokenOf(promisesOf(mixing));
  assert.match(broken.get("a batch = each alone")!, /max difference .*the batch's axis/);
  assert.ok(!broken.has("causal"));
});

Deno.test("numbers that are not finite are told", async () => {
  const infinite: Partial<DecoderModel> = {
    head: (params, rows) => mul(RIGHT.head(params, rows), scalar(Infinity)),
  };
  const broken = await brokenOf(promisesOf(infinite));
  assert.match(broken.get("logits are finite")!, /logits are not finite/);
});

Deno.test("a gradient that is cut off is told by its parameter", async () => {
  const cut: Partial<DecoderModel> = {
    block: (params, layer, rows, positions, memory) =>
      add(rows, stopGradient(RIGHT.block(params, layer, rows, positions, memory))),
  };
  const broken = await brokenOf(promisesOf(cut));
  assert.match(
    broken.get("gradients of parameters = finite differences")!,
    /max relative error of \d+ \(\S+\) .*: stopGradient/,
  );
  assert.ok(broken.has("gradients of adapters = finite differences"));
  assert.ok(!broken.has("compacted = gated"));
});

Deno.test("a projection that takes no adapter is told by name", async () => {
  const name = "model.layers.1.self_attn.o_proj";
  const bare: Partial<DecoderModel> = {
    block(params, layer, rows, positions, memory) {
      return RIGHT.block(
        {
          get: (name) => params.get(name),
          has: (name) => params.has(name),
          adapter: (own) => own === name ? undefined : params.adapter(own),
        },
        layer,
        rows,
        positions,
        memory,
      );
    },
  };
  await assertBroken(promisesOf(bare), {
    "every projection takes an adapter":
      /the adapter of model\.layers\.1\.self_attn\.o_proj changes nothing: .*`linear`/,
  });
});

Deno.test("a projection whose weight is used elsewhere too is no adapter's to merge", async () => {
  const shared: Partial<DecoderModel> = {
    head(params, rows) {
      const weight = params.get("model.layers.0.self_attn.q_proj.weight");
      return RIGHT.head(params, add(rows, scale(matmulRows(rows, weight), 0.5)));
    },
  };
  await assertBroken(promisesOf(shared), {
    "an adapter merged = beside": /used by `linear` and nowhere else/,
  });
});

Deno.test("states that depend on how many tokens there are depend on padding", async () => {
  const counting: Partial<DecoderModel> = {
    embed(...given) {
      const [, tokens] = given;
      const length = shapeOf(tokens)[1]!;
      const embedded = RIGHT.embed(...given);
      return isRuntimeSize(length) ? embedded : scale(embedded, 1 + 1 / length);
    },
  };
  const broken = await brokenOf(promisesOf(counting));
  assert.match(broken.get("padding does not matter")!, /max difference/);
  assert.ok(!broken.has("causal") && !broken.has("a batch = each alone"));
});

Deno.test("a backend with other numbers, and a file that is none, are told", async () => {
  const right = referenceBackend({ round: true });
  const outcomes = async (backend: Partial<Backend>, more: Partial<ModelSubject> = {}) =>
    await brokenOf(promisesOf({}, { backend: { ...right, name: "mine", ...backend }, ...more }));
  assert.deepEqual([...await outcomes({})], []);
  const off = await outcomes({
    async compile(outputs, options) {
      const program = await right.compile(outputs, options);
      const run: typeof program.run = async (feeds) => {
        const result = await program.run(feeds);
        for (const { data } of Object.values<HostTensor>(result)) data[0]! += 0.5;
        return result;
      };
      const dispose = () => program[Symbol.asyncDispose]();
      return { inputs: program.inputs, flops: 0, run, [Symbol.asyncDispose]: dispose };
    },
  });
  assert.match(
    off.get("mine = reference")!,
    /^max difference 0\.5, bound .*: numbers that float32/,
  );
  const empty = () => ({ bytes: new Uint8Array(8), outside: [] });
  const small = await outcomes({ exportModel: empty });
  assert.match(small.get("it can be exported")!, /8 bytes, less than its parameters' \d+/);
  const large = () => ({ bytes: new Uint8Array(1e6), outside: [] });
  const other = await outcomes({ exportModel: large }, {
    runExported: () => Promise.resolve({ logits: floats([7, 23]) }),
  });
  assert.match(other.get("it can be exported")!, /^max difference [\d.]+, bound/);
  const silent = await outcomes({ exportModel: large }, { runExported: () => Promise.resolve({}) });
  assert.match(silent.get("it can be exported")!, /the file gives no logits/);
});
