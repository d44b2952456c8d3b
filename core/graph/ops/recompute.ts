/** Trading arithmetic for memory: gradients that keep less of the forward pass. */

import { type TensorType } from "../../tensor/mod.ts";
import { pullBack } from "../gradient.ts";
import { apply, defineOp, type Node, type OpDef, refuse } from "../node.ts";
import { rebuild, topologicalOrder } from "../walk.ts";
import { after } from "./control.ts";
import { mul, type NoAttrs } from "./elementwise.ts";
import { inputName } from "./source.ts";

/** Settings of {@link checkpoint}. */
export interface CheckpointAttrs {
  /** How many of the inputs, after the first, are the boundary; the rest are leaves. */
  readonly boundary: number;
}

export const checkpointOp: OpDef<"checkpoint", CheckpointAttrs> = defineOp({
  name: "checkpoint",
  infer: ([value], _attrs: CheckpointAttrs): TensorType => value!,
  gradient({ inputs: [value, ...others], attrs, cotangent, needs }) {
    // Made from the boundary anew, and only once the gradient has arrived: neither what was computed
    // before nor what is computed now is in memory meanwhile.
    const boundary = others.slice(0, attrs.boundary);
    const again = boundary.map((node) => after(node, cotangent));
    const [recomputed] = rebuild([value!], new Map(boundary.map((node, i) => [node, again[i]!])));
    const wrt = others.map((node, i) => again[i] ?? node);
    const slopes = pullBack(recomputed!, cotangent, wrt, new Set(again))
      .map((slope, i) => needs[i + 1] ? slope : null);
    // What comes before the boundary waits until nothing recomputed here is needed any more: the
    // first gradient of the boundary for all the others.
    const waiting = slopes.map((slope, i) => {
      if (!slope || i >= attrs.boundary) return slope;
      return after(slope, ...slopes.slice(i + 1).filter((other) => other !== null));
    });
    return [null, ...waiting];
  },
});

export const withGradientOp: OpDef<"withGradient", NoAttrs> = defineOp({
  name: "withGradient",
  infer(inputs, _attrs: NoAttrs): TensorType {
    if (inputs[0]!.shape.length !== 0 || inputs.length % 2 !== 1) {
      refuse("withGradient", inputs, "it takes a scalar, then values, then a slope for each");
    }
    return inputs[0]!;
  },
  gradient({ inputs, cotangent, needs }) {
    const count = (inputs.length - 1) / 2;
    return inputs.map((_, i) => {
      const isValue = i > 0 && i <= count;
      return isValue && needs[i] ? mul(inputs[i + count]!, cotangent) : null;
    });
  },
});

/**
 * `value`, of whose making nothing is kept but `boundary`: when its gradient is needed, everything
 * between is computed a second time (gradient checkpointing, Chen et al. 2016, arXiv 1604.06174).
 *
 * @param boundary what `value` was made from, besides inputs of the graph and constants
 */
export function checkpoint(value: Node, boundary: readonly Node[]): Node {
  const inside = topologicalOrder([value], new Set(boundary));
  const leaves = inside.filter((node) =>
    inputName(node) !== undefined && node.type.dtype === "float32" && !boundary.includes(node)
  );
  return apply(checkpointOp, [value, ...boundary, ...leaves], { boundary: boundary.length });
}

/**
 * The scalar `value`, whose gradient for each node of `wrt` is known already: `slopes`. So a loss
 * over many rows can work off its gradient part by part, each while the part is at hand.
 *
 * @param slopes for each of `wrt`, of its shape
 */
export function withGradient(value: Node, wrt: readonly Node[], slopes: readonly Node[]): Node {
  return apply(withGradientOp, [value, ...wrt, ...slopes], {});
}
