/** Small multilayer perceptrons, as routers use them. */

import { type Params, type ParamSpec, type ParamSpecs } from "../contracts/mod.ts";
import { type Node } from "../graph/mod.ts";
import { linear } from "./linear.ts";

/** How the last layer starts. */
export interface MlpStart {
  /** Standard deviation of its matrix; absent: drawn as the others are. */
  readonly std?: number;
  /** Its bias. */
  readonly bias: number;
}

/** Widths that halve twice on their way to the output: D, D/2, D/4, `out`. */
export function taperedWidths(hiddenSize: number, out: number): number[] {
  return [hiddenSize, hiddenSize >> 1, Math.max(hiddenSize >> 2, 1), out];
}

/** `prefix.0`, `prefix.2`, …: as PyTorch numbers linear layers with an activation between them. */
function layerNames(prefix: string, widths: readonly number[]): string[] {
  return Array.from({ length: widths.length - 1 }, (_, i) => `${prefix}.${2 * i}`);
}

/** Declares the layers between neighbouring `widths`, drawn as PyTorch draws linear layers. */
export function mlpParams(prefix: string, widths: readonly number[], start: MlpStart): ParamSpecs {
  const specs: Record<string, ParamSpec> = {};
  const names = layerNames(prefix, widths);
  names.forEach((name, i) => {
    const [inner, out] = [widths[i]!, widths[i + 1]!];
    const last = i === names.length - 1;
    specs[`${name}.weight`] = {
      shape: [out, inner],
      init: last && start.std !== undefined
        ? { kind: "normal", std: start.std }
        : { kind: "kaimingUniform", fanIn: inner },
    };
    const bias = last ? start.bias : 0;
    specs[`${name}.bias`] = { shape: [out], init: { kind: "constant", value: bias } };
  });
  return specs;
}

/**
 * Applies the layers that {@link mlpParams} declares to rows `[..., widths[0]]`.
 *
 * @param activation between layers
 * @param shift added to what the first layer answers, before its activation
 */
export function mlp(
  params: Params,
  prefix: string,
  widths: readonly number[],
  x: Node,
  activation: (x: Node) => Node,
  shift?: (x: Node) => Node,
): Node {
  return layerNames(prefix, widths).reduce((rows, name, i) => {
    const out = linear(params, name, i === 0 ? rows : activation(rows));
    return i === 0 && shift ? shift(out) : out;
  }, x);
}
