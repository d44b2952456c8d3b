/**
 * What the parity tests share: the goldens, the model they are of, and how far apart is too far.
 *
 * The goldens were computed in float64 and rounded to float32 (see `goldens/README.md`). The
 * relative error of a tensor is its largest difference over the golden's largest magnitude; on top of
 * that, every element that is not tiny beside the largest is held to a relative error of its own.
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type DecoderModel } from "../../core/contracts/mod.ts";
import { openCheckpointWeights, openSafetensors, readJsonObject } from "../../core/io/mod.ts";
import { type Weights } from "../../core/nn/mod.ts";
import { floats, type FloatTensor, type HostTensor, ints } from "../../core/tensor/mod.ts";
import { type Batch } from "../../core/train/mod.ts";
import { llamaKind } from "../../plugins/models/llama/mod.ts";

/** The folder of the tiny Llama and all that was computed with it. */
export const TINY_LLAMA = fileURLToPath(new URL("./goldens/tiny_llama", import.meta.url));

/** The adapter that PEFT saved. */
export const PEFT_ADAPTER = `${TINY_LLAMA}/adapter`;

/** The tokens of all goldens: B sequences of T. */
export const SEQUENCES = 2;
export const LENGTH = 12;

/** Largest relative error of a tensor: what parity means here. */
const PER_TENSOR = 1e-4;

/** Largest relative error of an element, among those above {@link FAIR_SHARE} of the largest. */
const PER_ELEMENT = 1e-3;
const FAIR_SHARE = 0.01;

/** The tensors of a golden file, by name. */
export function golden(name: string): ReadonlyMap<string, HostTensor> {
  using file = openSafetensors(`${TINY_LLAMA}/${name}.safetensors`);
  return new Map([...file.tensors.keys()].map((key) => [key, file.readHost(key)]));
}

/** The tiny Llama, through the project's own readers. */
export function tinyLlama(): { model: DecoderModel; weights: Weights } {
  const path = `${TINY_LLAMA}/config.json`;
  const model = llamaKind.fromConfig(readJsonObject(path, "the configuration"), path);
  using source = openCheckpointWeights(TINY_LLAMA);
  const names = Object.keys(model.params());
  return { model, weights: Object.fromEntries(names.map((name) => [name, source.read(name)])) };
}

/**
 * The golden tokens with their targets. The last position has no target: it is masked, and the 22
 * positions that are left are those that the goldens take their means over.
 */
export function goldenBatch(): Batch {
  const tokens = golden("forward").get("tokens")!;
  const targets = ints(tokens.shape);
  const tokenMask = floats(tokens.shape);
  for (let i = 0; i < tokens.data.length; i++) {
    if (i % LENGTH === LENGTH - 1) continue;
    targets.data[i] = tokens.data[i + 1]!;
    tokenMask.data[i] = 1;
  }
  return { tokens, targets, tokenMask };
}

/** Fails unless `actual` is the golden, to the relative errors above. */
export function assertParity(
  actual: HostTensor | number,
  expected: HostTensor | number,
  what: string,
): void {
  const [a, e] = [asTensor(actual), asTensor(expected)];
  assert.deepEqual(a.shape, e.shape, `the shape of ${what}`);
  const largest = Math.max(...Array.from(e.data, Math.abs));
  for (let i = 0; i < e.data.length; i++) {
    const size = Math.abs(e.data[i]!);
    const difference = Math.abs(a.data[i]! - e.data[i]!);
    const allowed = Math.min(
      PER_TENSOR * largest,
      size > FAIR_SHARE * largest ? PER_ELEMENT * size : Infinity,
    );
    // Written so that NaN fails.
    if (!(difference <= allowed)) {
      assert.fail(
        `${what}: element ${i} is ${a.data[i]}, expected ${e.data[i]}, difference ${difference}, ` +
          `allowed ${allowed} (largest magnitude ${largest})`,
      );
    }
  }
}

function asTensor(value: HostTensor | number): HostTensor {
  return typeof value === "number" ? floats([], [value]) : value;
}

/** A copy that a test may train. */
export function copyOf(weights: Weights): Record<string, FloatTensor> {
  return Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [name, floats(shape, data.slice())]),
  );
}
