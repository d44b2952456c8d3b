/** Plans: nothing is lost, scored tokens are never in a shared beginning, and groups are worth it. */

import assert from "node:assert/strict";
import * as fc from "fast-check";
import { planBatches, planGroups, type ScoredSequence } from "../../../../core/eval/scoring/mod.ts";

function sequence(tokens: readonly number[], scored: number): ScoredSequence {
  return {
    input: Int32Array.from(tokens.slice(0, -1)),
    targets: Int32Array.from(tokens.slice(-scored)),
  };
}

/** Sequences over two letters, so that many begin alike. */
const anySequences = fc.array(
  fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 2, maxLength: 12 })
    .chain((tokens) =>
      fc.integer({ min: 1, max: tokens.length - 1 }).map((scored) => sequence(tokens, scored))
    ),
  { maxLength: 20 },
);

Deno.test("every sequence is in one group, and none of its scored tokens in the beginning", () => {
  fc.assert(fc.property(anySequences, fc.boolean(), (sequences, shares) => {
    const groups = planGroups(sequences, shares, 2);
    const seen: number[] = [];
    for (const { prefix, inputs } of groups) {
      const beginning = inputs[0]?.input.subarray(0, prefix);
      if (prefix > 0) assert.ok(inputs.length > 1 && prefix >= 2);
      for (const { input, asked } of inputs) {
        seen.push(...asked);
        assert.deepEqual(input.subarray(0, prefix), beginning);
        for (const place of asked) {
          const { input: own, targets } = sequences[place]!;
          assert.deepEqual(own, input);
          // The first scored token is read from the one before it.
          assert.ok(prefix <= own.length - targets.length);
        }
      }
    }
    assert.deepEqual(seen.sort((a, b) => a - b), sequences.map((_, place) => place));
  }));
});

Deno.test("shared beginnings never cost more tokens than none", () => {
  fc.assert(fc.property(anySequences, (sequences) => {
    const cost = (shares: boolean) =>
      planGroups(sequences, shares, 2).reduce(
        (sum, { prefix, inputs }) =>
          inputs.reduce((total, { input }) => total + input.length - prefix, sum + prefix),
        0,
      );
    assert.ok(cost(true) <= cost(false));
  }));
});

Deno.test("batches hold each input once, longest first, within their size", () => {
  fc.assert(
    fc.property(anySequences, fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 5 }), (
      sequences,
      tokens,
      rows,
    ) => {
      for (const group of planGroups(sequences, true, 2)) {
        const batches = planBatches(group, tokens, rows);
        assert.equal(batches.flat().length, group.inputs.length);
        for (const inputs of batches) {
          const length = inputs[0]!.input.length - group.prefix;
          assert.ok(
            inputs.length <= rows && (inputs.length === 1 || inputs.length * length <= tokens),
          );
          assert.ok(inputs.every(({ input }) => input.length - group.prefix <= length));
        }
      }
    }),
  );
});
