/** Choosing tokens: the likeliest, or as often as their probabilities say. */

import assert from "node:assert/strict";
import * as fc from "fast-check";
import {
  GREEDY,
  likeliest,
  sampleToken,
  type SamplingOptions,
} from "../../../core/inference/mod.ts";
import { floats, RandomStream } from "../../../core/tensor/mod.ts";
import { assertShare } from "../../conformance/close.ts";

/** Probabilities in no order, 0.4 the most. */
const SHARES = [0.1, 0.05, 0.4, 0.2, 0.25];
/** Their logits between rows that would say something else. */
const LOGITS = floats([3, 5], [9, 0, 0, 0, 0, ...SHARES.map(Math.log), 0, 9, 0, 0, 0]);
const DRAWS = 20_000;

const draw = (options: SamplingOptions, random: RandomStream) =>
  sampleToken(LOGITS, 1, options, random);

/** How often each token was drawn from the middle row. */
function sharesOf(options: SamplingOptions, draws = DRAWS): number[] {
  const random = new RandomStream(1, "draws");
  const counts = SHARES.map(() => 0);
  for (let i = 0; i < draws; i++) counts[draw(options, random)]!++;
  return counts.map((count) => count / draws);
}

function assertShares(options: SamplingOptions, weights: readonly number[]): void {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  sharesOf(options).forEach((share, id) =>
    assertShare(share, weights[id]! / total, DRAWS, `token ${id} under ${JSON.stringify(options)}`)
  );
}

Deno.test("the likeliest token is the first of the largest logits of its own row", () => {
  const logits = floats([3, 4], [1, 5, 2, 5, -3, -1, -1, -2, 0, 0, 0, 0]);
  assert.deepEqual([0, 1, 2].map((row) => likeliest(logits, row)), [1, 1, 0]);
  assert.deepEqual([0, 1, 2].map((row) => likeliest(LOGITS, row)), [0, 2, 1]);
});

Deno.test("greedy takes the likeliest token and draws nothing", () => {
  const random = new RandomStream(1, "draws");
  for (let row = 0; row < 3; row++) {
    assert.equal(sampleToken(LOGITS, row, GREEDY, random), likeliest(LOGITS, row));
  }
  assert.equal(random.uniform(), new RandomStream(1, "draws").uniform());
});

Deno.test("at temperature 1 tokens come as often as their probabilities say", () => {
  assertShares({ temperature: 1, topP: 1 }, SHARES);
});

Deno.test("a temperature is what logits are divided by", () => {
  for (const temperature of [0.5, 2]) {
    assertShares({ temperature, topP: 1 }, SHARES.map((share) => share ** (1 / temperature)));
  }
});

Deno.test("a temperature near 0 is greedy, and a huge one knows no favourites", () => {
  assert.deepEqual(sharesOf({ temperature: 1e-300, topP: 1 }, 200), [0, 0, 1, 0, 0]);
  assertShares({ temperature: 1e9, topP: 1 }, [1, 1, 1, 1, 1]);
});

Deno.test("top-p draws from the fewest tokens that have that probability, in their proportions", () => {
  assertShares({ temperature: 1, topP: 0.3 }, [0, 0, 1, 0, 0]);
  assertShares({ temperature: 1, topP: 0.6 }, [0, 0, 0.4, 0, 0.25]);
  assertShares({ temperature: 1, topP: 0.7 }, [0, 0, 0.4, 0.2, 0.25]);
  assertShares({ temperature: 1, topP: 0.9 }, [0.1, 0, 0.4, 0.2, 0.25]);
  assertShares({ temperature: 1, topP: 0.97 }, SHARES);
});

Deno.test("top-p counts probabilities at the temperature that is drawn at", () => {
  // Squared they are 0.01, 0.0025, 0.16, 0.04 and 0.0625 of 0.275: the first has 0.58.
  assertShares({ temperature: 0.5, topP: 0.55 }, [0, 0, 1, 0, 0]);
  assertShares({ temperature: 1, topP: 0.55 }, [0, 0, 0.4, 0, 0.25]);
});

Deno.test("the same seed draws the same tokens, and another one others", () => {
  const options = { temperature: 1, topP: 0.9 };
  const tokens = (seed: number) => {
    const random = new RandomStream(seed, "draws");
    return Array.from({ length: 50 }, () => draw(options, random));
  };
  assert.deepEqual(tokens(3), tokens(3));
  assert.notDeepEqual(tokens(3), tokens(4));
});

Deno.test("logits too far below the largest to count are never drawn, however large all are", () => {
  const logits = floats([1, 4], [3e38, -3e38, 3e38, -Infinity]);
  const random = new RandomStream(2, "draws");
  const drawn = Array.from(
    { length: 400 },
    () => sampleToken(logits, 0, { temperature: 1, topP: 1 }, random),
  );
  assert.deepEqual([...new Set(drawn)].sort(), [0, 2]);
});

Deno.test("what is drawn is in the nucleus: all likelier tokens together lack the wanted share", () => {
  const anyLogits = fc.array(fc.float({ min: -8, max: 8, noNaN: true }), {
    minLength: 1,
    maxLength: 12,
  });
  const share = fc.double({ min: 0.01, max: 1, noNaN: true });
  fc.assert(fc.property(anyLogits, share, fc.nat(), (values, topP, seed) => {
    const logits = floats([1, values.length], values);
    const random = new RandomStream(seed, "draws");
    const token = sampleToken(logits, 0, { temperature: 1, topP }, random);
    const weights = Array.from(logits.data, Math.exp);
    const sum = (own: readonly number[]) => own.reduce((a, b) => a + b, 0);
    const likelier = sum(weights.filter((weight) => weight > weights[token]!));
    assert.ok(likelier / sum(weights) < topP + 1e-9);
  }));
});
