/** Operations on one element at a time; binary ones broadcast as NumPy does. */

import { sameShape, type Shape, sizeOf, type TensorType } from "../../tensor/mod.ts";
import {
  apply,
  defineOp,
  type GradientContext,
  needFloats,
  type Node,
  type OpDef,
  refuse,
  shapeOf,
} from "../node.ts";
import { reshape } from "./movement.ts";
import { reduceSum } from "./reduce.ts";
import { scalar } from "./source.ts";

/** Settings of an operation that has none. */
export type NoAttrs = Readonly<Record<string, never>>;
const NONE: NoAttrs = {};

/** An operation without settings. */
export type PlainOp<Name extends string> = OpDef<Name, NoAttrs>;

/** Shape of `a` and `b` broadcast together; null when they do not fit. */
export function broadcastShapes(a: Shape, b: Shape): Shape | null {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return null;
    shape.push(x === 1 ? y : x);
  }
  return shape;
}

/** Sums a broadcast gradient back to the shape of the value it belongs to. */
export function sumTo(node: Node, shape: Shape): Node {
  const from = shapeOf(node);
  if (sameShape(from, shape)) return node;
  const lead = from.length - shape.length;
  const axes = from.map((_, axis) => axis).filter((axis) =>
    axis < lead || (shape[axis - lead] === 1 && from[axis] !== 1)
  );
  const summed = axes.length > 0 ? reduceSum(node, axes, true) : node;
  return reshape(summed, shape);
}

function binary<const Name extends string>(
  name: Name,
  gradient: (context: GradientContext<NoAttrs>) => readonly (Node | null)[],
): PlainOp<Name> {
  return defineOp({
    name,
    infer(inputs, _attrs: NoAttrs): TensorType {
      const [a, b] = inputs as [TensorType, TensorType];
      needFloats(name, inputs);
      const shape = broadcastShapes(a.shape, b.shape);
      return shape ? { dtype: "float32", shape } : refuse(name, inputs, "they do not broadcast");
    },
    gradient(context) {
      return gradient(context).map((node, i) =>
        node && context.needs[i] ? sumTo(node, shapeOf(context.inputs[i]!)) : null
      );
    },
  });
}

function unary<const Name extends string>(
  name: Name,
  gradient: (x: Node, y: Node, cotangent: Node) => Node,
): PlainOp<Name> {
  return defineOp({
    name,
    infer(inputs, _attrs: NoAttrs): TensorType {
      needFloats(name, inputs);
      return inputs[0]!;
    },
    gradient: ({ inputs, node, cotangent }) => [gradient(inputs[0]!, node, cotangent)],
  });
}

export const addOp: PlainOp<"add"> = binary("add", ({ cotangent }) => [cotangent, cotangent]);
export const subOp: PlainOp<"sub"> = binary("sub", ({ cotangent, needs }) => [
  cotangent,
  needs[1] ? neg(cotangent) : null,
]);
export const mulOp: PlainOp<"mul"> = binary("mul", ({ inputs: [a, b], cotangent, needs }) => [
  needs[0] ? mul(cotangent, b!) : null,
  needs[1] ? mul(cotangent, a!) : null,
]);
export const divOp: PlainOp<"div"> = binary("div", ({ inputs: [, b], node, cotangent, needs }) => [
  needs[0] ? div(cotangent, b!) : null,
  needs[1] ? neg(mul(cotangent, div(node, b!))) : null,
]);
/** 1 where a > b, else 0; flat everywhere, so no gradient flows. */
export const greaterOp: PlainOp<"greater"> = binary("greater", () => [null, null]);

export const negOp: PlainOp<"neg"> = unary("neg", (_x, _y, ct) => neg(ct));
export const expOp: PlainOp<"exp"> = unary("exp", (_x, y, ct) => mul(ct, y));
export const logOp: PlainOp<"log"> = unary("log", (x, _y, ct) => div(ct, x));
export const sqrtOp: PlainOp<"sqrt"> = unary("sqrt", (_x, y, ct) => div(mul(ct, scalar(0.5)), y));
export const erfOp: PlainOp<"erf"> = unary(
  "erf",
  (x, _y, ct) => mul(ct, mul(scalar(2 / Math.sqrt(Math.PI)), exp(neg(mul(x, x))))),
);
export const sigmoidOp: PlainOp<"sigmoid"> = unary(
  "sigmoid",
  (_x, y, ct) => mul(ct, sub(y, mul(y, y))),
);
export const tanhOp: PlainOp<"tanh"> = unary("tanh", (_x, y, ct) => sub(ct, mul(ct, mul(y, y))));
/** x * sigmoid(x); its derivative is s + y - y*s with s = sigmoid(x). */
export const siluOp: PlainOp<"silu"> = unary("silu", (x, y, ct) => {
  const s = sigmoid(x);
  return mul(ct, sub(add(s, y), mul(y, s)));
});

/** a + b */
export function add(a: Node, b: Node): Node {
  return apply(addOp, [a, b], NONE);
}
/** a - b */
export function sub(a: Node, b: Node): Node {
  return apply(subOp, [a, b], NONE);
}
/** a * b, element by element */
export function mul(a: Node, b: Node): Node {
  return apply(mulOp, [a, b], NONE);
}
/** a / b, element by element */
export function div(a: Node, b: Node): Node {
  return apply(divOp, [a, b], NONE);
}
/** 1 where a > b, else 0. No gradient flows through it. */
export function greater(a: Node, b: Node): Node {
  return apply(greaterOp, [a, b], NONE);
}
/** -x */
export function neg(x: Node): Node {
  return apply(negOp, [x], NONE);
}
/** e^x */
export function exp(x: Node): Node {
  return apply(expOp, [x], NONE);
}
/** Natural logarithm. */
export function log(x: Node): Node {
  return apply(logOp, [x], NONE);
}
/** Square root. */
export function sqrt(x: Node): Node {
  return apply(sqrtOp, [x], NONE);
}
/** Error function. */
export function erf(x: Node): Node {
  return apply(erfOp, [x], NONE);
}
/** 1 / (1 + e^-x) */
export function sigmoid(x: Node): Node {
  return apply(sigmoidOp, [x], NONE);
}
/** Hyperbolic tangent. */
export function tanh(x: Node): Node {
  return apply(tanhOp, [x], NONE);
}
/** x * sigmoid(x), the activation of SwiGLU (Shazeer 2020, arXiv 2002.05202). */
export function silu(x: Node): Node {
  return apply(siluOp, [x], NONE);
}
/** The exact GELU, x * Phi(x) (Hendrycks and Gimpel 2016, arXiv 1606.08415). */
export function gelu(x: Node): Node {
  const phi = mul(scalar(0.5), add(scalar(1), erf(mul(x, scalar(Math.SQRT1_2)))));
  return mul(x, phi);
}
/** x times a number. */
export function scale(x: Node, by: number): Node {
  if (by === 1) return x;
  // Of a product with a smaller factor, such as one number for each row, scale only that.
  if (x.op === mulOp) {
    const [a, b] = x.inputs as [Node, Node];
    if (sizeOf(shapeOf(b)) < sizeOf(shapeOf(x))) return mul(a, scale(b, by));
    if (sizeOf(shapeOf(a)) < sizeOf(shapeOf(x))) return mul(scale(a, by), b);
  }
  return mul(x, scalar(by));
}
