/**
 * Rotary position embeddings (Su et al. 2021, arXiv 2104.09864): how fast each pair of a head's
 * dimensions turns, and the cosines and sines that {@link rope} reads.
 */

import { type RopeScaling } from "../contracts/mod.ts";
import { type AttrsOf, constant, type Node, ops, shapeOf } from "../graph/mod.ts";
import { floats, isRuntimeSize } from "../tensor/mod.ts";

/**
 * Radians a position that each of the `headDim / 2` pairs turns by, in float64: theta^(-2i / headDim)
 * for pair i, slowed down as `scaling` says.
 *
 * For `llama3`, with n the turns of a frequency f within the original positions, it is
 * f (s + (1 - s) / factor) with s = (n - low) / (high - low), held to [0, 1]: what `apply_scaling` in
 * Meta's llama-models computes by cases of the wavelength.
 */
export function ropeFrequencies(
  headDim: number,
  theta: number,
  scaling?: RopeScaling,
): Float64Array {
  return Float64Array.from({ length: headDim / 2 }, (_, i) => {
    const frequency = theta ** (-2 * i / headDim);
    return scaling ? frequency * slowDown(frequency, scaling) : frequency;
  });
}

function slowDown(frequency: number, scaling: RopeScaling): number {
  if (scaling.kind === "linear") return 1 / scaling.factor;
  const { factor, lowFreqFactor, highFreqFactor, originalMaxPositions } = scaling;
  const turns = originalMaxPositions * frequency / (2 * Math.PI);
  const place = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  const kept = Math.min(1, Math.max(0, place));
  return kept + (1 - kept) / factor;
}

/** Tables for {@link rope}, `[positions, headDim / 2]`: row p holds the angles of position p. */
export interface RopeTables {
  /** Cosines of the angles. */
  readonly cos: Node;
  /** Sines of the angles. */
  readonly sin: Node;
}

/**
 * Tables by the positions (int32 `[B, R]`) that are looked up in them: as long as the largest, where
 * that is known from a constant, else `maxPositions`. Positions that need the same length get the
 * same nodes. Angles are computed in float64 and rounded once.
 *
 * @param frequencies radians a position, as {@link ropeFrequencies} gives them
 * @returns a function that throws a RangeError for positions of `maxPositions` and more
 */
export function ropeTables(
  frequencies: Float64Array,
  maxPositions: number,
): (positions: Node) => RopeTables {
  const made = new Map<number, RopeTables>();
  return (positions) => {
    const largest = largestPosition(positions) ?? maxPositions - 1;
    if (largest >= maxPositions) {
      throw new RangeError(
        `Cannot rotate to position ${largest}: the model has ${maxPositions} positions`,
      );
    }
    // ONNX Runtime wants no fewer rows than there are positions, even if these repeat themselves.
    const length = shapeOf(positions)[1]!;
    const rows = isRuntimeSize(length) ? largest + 1 : Math.max(largest + 1, length);
    let tables = made.get(rows);
    if (!tables) made.set(rows, tables = tabulate(frequencies, rows));
    return tables;
  };
}

/** Operations whose elements are all among those of their first input. */
const SELECTIONS: ReadonlySet<Node["op"]> = new Set<Node["op"]>([
  ops.broadcastTo,
  ops.gatherRows,
  ops.reshape,
  ops.slice,
  ops.transpose,
]);

/** A bound of positions that are taken from a constant; undefined for others. */
export function largestPosition(node: Node): number | undefined {
  let source = node;
  while (SELECTIONS.has(source.op)) source = source.inputs[0]!;
  if (source.op !== ops.constant) return undefined;
  const { value } = source.attrs as AttrsOf<"constant">;
  let largest = 0;
  for (const position of value.data) largest = Math.max(largest, position);
  return largest;
}

function tabulate(frequencies: Float64Array, positions: number): RopeTables {
  const half = frequencies.length;
  const cos = floats([positions, half]);
  const sin = floats([positions, half]);
  for (let p = 0; p < positions; p++) {
    for (let i = 0; i < half; i++) {
      const angle = p * frequencies[i]!;
      cos.data[p * half + i] = Math.cos(angle);
      sin.data[p * half + i] = Math.sin(angle);
    }
  }
  return { cos: constant(cos), sin: constant(sin) };
}
