/** Texts and routers that are made up, so that what an analysis must find is known. */

import assert from "node:assert/strict";
import {
  type Estimate,
  type RoutingObservations,
  RoutingRecorder,
  TOKEN_CATEGORIES,
} from "../../../../core/eval/mod.ts";
import { floats, ints, RandomStream } from "../../../../core/tensor/mod.ts";

/** A token of a made-up text. */
export interface MadeToken {
  readonly sequence: number;
  readonly position: number;
  readonly id: number;
  readonly random: RandomStream;
}

/** A made-up text under a made-up router. */
export interface MadeText {
  readonly sequences: number;
  readonly length: number;
  readonly layers: number;
  /** Ids are drawn from 0 to `words` − 1; 6 unless told. */
  readonly words?: number;
  /** Instead of drawing it. */
  readonly id?: (sequence: number, position: number) => number;
  readonly gate: (token: MadeToken, layer: number) => number | boolean;
  readonly loss?: (token: MadeToken) => number;
  readonly fullDepthLoss?: (token: MadeToken) => number;
  /** By token; its names are `one`, `two` and `three`. */
  readonly label?: (token: MadeToken) => number;
  readonly seed?: number;
}

/** Anchor layers of made-up routers. */
export const ANCHOR = 2;

/** Runs the router over the text; the category of id k is the k-th, modulo their number. */
export function observed(made: MadeText): RoutingObservations {
  const { sequences, length, layers, words = 6, loss, fullDepthLoss, label } = made;
  const recorder = new RoutingRecorder(layers, ANCHOR, {
    category: (id) => TOKEN_CATEGORIES[id % TOKEN_CATEGORIES.length]!,
    rare: (id) => id === words - 1,
    labels: label === undefined ? [] : ["one", "two", "three"],
  });
  for (let sequence = 0; sequence < sequences; sequence++) {
    const random = new RandomStream(made.seed ?? 0, "made-text", sequence);
    const tokens = Array.from({ length }, (_, position): MadeToken => ({
      sequence,
      position,
      id: made.id?.(sequence, position) ?? random.below(words),
      random,
    }));
    const shape = [1, length];
    const losses = tokens.map((token) => loss?.(token) ?? random.uniform());
    recorder.add(
      {
        tokens: ints(shape, tokens.map(({ id }) => id)),
        targets: ints(shape),
        tokenMask: floats(shape, tokens.map(() => 1)),
        ...(label === undefined ? {} : { kinds: ints(shape, tokens.map(label)) }),
      },
      {
        losses: floats(shape, losses),
        gates: floats(
          [1, length, layers],
          tokens.flatMap((token) =>
            Array.from({ length: layers }, (_, layer) => Number(made.gate(token, layer)))
          ),
        ),
      },
      floats(shape, tokens.map((token, i) => fullDepthLoss?.(token) ?? losses[i]!)),
    );
  }
  return recorder.observations();
}

/** Asserts that a number is another, up to so much. */
export function assertNear(actual: number | undefined, expected: number, allowed = 1e-12): void {
  assert.ok(
    actual !== undefined && Math.abs(actual - expected) <= allowed,
    `${actual} instead of ${expected}`,
  );
}

/** Asserts that an interval holds a number. */
export function assertHolds(estimate: Estimate | undefined, truth: number): void {
  const { low, high } = estimate ?? {};
  assert.ok(
    low !== undefined && high !== undefined && low <= truth && truth <= high,
    `${low} to ${high} instead of ${truth}`,
  );
}
