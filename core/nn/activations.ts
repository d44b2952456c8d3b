/** Activations, also by the names that a `config.json` gives them. */

import {
  add,
  gelu,
  greater,
  mul,
  type Node,
  scalar,
  scale,
  sigmoid,
  silu,
  tanh,
} from "../graph/mod.ts";

/** max(x, 0) */
export function relu(x: Node): Node {
  return mul(x, greater(x, scalar(0)));
}

/**
 * GELU by its usual approximation, 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) (Hendrycks and
 * Gimpel 2016, arXiv 1606.08415). Computed as x sigmoid(2 u), which is the same.
 */
export function geluTanh(x: Node): Node {
  const slope = 2 * Math.sqrt(2 / Math.PI);
  const factor = add(scale(mul(x, x), slope * 0.044715), scalar(slope));
  return mul(x, sigmoid(mul(x, factor)));
}

/** Name of an activation. */
export type Activation =
  | "gelu"
  | "gelu_fast"
  | "gelu_new"
  | "gelu_pytorch_tanh"
  | "relu"
  | "silu";

/** Activations by the names that transformers has for them. */
export const ACTIVATIONS: Readonly<Record<Activation, (x: Node) => Node>> = {
  gelu,
  "gelu_fast": geluTanh,
  "gelu_new": geluTanh,
  "gelu_pytorch_tanh": geluTanh,
  relu,
  silu,
};

/** Every name there is. */
export const ACTIVATION_NAMES: readonly Activation[] = Object.keys(ACTIVATIONS) as Activation[];

/** cap tanh(x / cap): `x` where it is small, and never beyond ±cap (Gemma 2, arXiv 2408.00118). */
export function softcap(x: Node, cap: number): Node {
  return scale(tanh(scale(x, 1 / cap)), cap);
}
