/** The matrix product, which is nearly all of a decoder's work. */

import { sameShape, sizeOf, type TensorType } from "../../tensor/mod.ts";
import { apply, defineOp, needFloats, type Node, type OpDef, refuse, shapeOf } from "../node.ts";
import { reshape } from "./movement.ts";

/** Settings of {@link matmul}. */
export interface MatmulAttrs {
  /** Use the left matrices transposed: stored `[..., K, M]`. */
  readonly transA: boolean;
  /** Use the right matrices transposed: stored `[..., N, K]`, as checkpoints store weights. */
  readonly transB: boolean;
  /** Factor on the product. */
  readonly alpha: number;
}

/** Whether the right matrix is one for all leading axes of the left ones, whose rows it takes together. */
function isShared(b: TensorType, { transA }: Pick<MatmulAttrs, "transA">): boolean {
  return b.shape.length === 2 && !transA;
}

/** What a matrix product amounts to. */
export interface MatmulSizes {
  /** How many products there are. */
  readonly products: number;
  /** Rows of each. */
  readonly rows: number;
  /** What is summed over, by the left matrix. */
  readonly inner: number;
  /** What is summed over, by the right matrix; the same where the two fit. */
  readonly innerB: number;
  /** Columns of each. */
  readonly columns: number;
}

/**
 * The sizes of a product. Where the right matrix is one for all leading axes, they are rows of one
 * product.
 */
export function matmulSizes(a: TensorType, b: TensorType, attrs: MatmulAttrs): MatmulSizes {
  const { transA, transB } = attrs;
  const [a0, a1] = a.shape.slice(-2) as [number, number];
  const [b0, b1] = b.shape.slice(-2) as [number, number];
  const shared = isShared(b, attrs);
  return {
    products: shared ? 1 : sizeOf(a.shape.slice(0, -2)),
    rows: shared ? sizeOf(a.shape.slice(0, -1)) : transA ? a1 : a0,
    inner: transA ? a0 : a1,
    innerB: transB ? b1 : b0,
    columns: transB ? b0 : b1,
  };
}

export const matmulOp: OpDef<"matmul", MatmulAttrs> = defineOp({
  name: "matmul",
  infer(inputs, attrs: MatmulAttrs): TensorType {
    const [a, b] = inputs as [TensorType, TensorType];
    needFloats("matmul", inputs);
    if (a.shape.length < 2 || b.shape.length < 2) refuse("matmul", inputs, "both need two axes");
    if (!isShared(b, attrs) && !sameShape(a.shape.slice(0, -2), b.shape.slice(0, -2))) {
      refuse("matmul", inputs, "their leading axes differ");
    }
    const { inner, innerB, columns } = matmulSizes(a, b, attrs);
    if (inner !== innerB) {
      const how = `${attrs.transA ? " with the left transposed" : ""}${
        attrs.transB ? " with the right transposed" : ""
      }`;
      refuse("matmul", inputs, `the inner sizes ${inner} and ${innerB} differ${how}`);
    }
    const rows = a.shape.at(attrs.transA ? -1 : -2)!;
    return { dtype: "float32", shape: [...a.shape.slice(0, -2), rows, columns] };
  },
  // C = alpha op(A) op(B): dA = alpha dC op(B)^T and dB = alpha op(A)^T dC, each transposed as
  // its matrix is stored.
  gradient({ inputs: [a, b], attrs: { transA, transB, alpha }, cotangent, needs }) {
    const forA = () =>
      transA
        ? matmul(b!, cotangent, { transA: transB, transB: true, alpha })
        : matmul(cotangent, b!, { transB: !transB, alpha });
    const forB = () => {
      // One matrix for all leading axes gathers from all their rows.
      const [x, dC] = isShared(b!.type, { transA })
        ? [asRows(a!), asRows(cotangent)]
        : [a!, cotangent];
      return transB
        ? matmul(dC, x, { transA: true, transB: transA, alpha })
        : matmul(x, dC, { transA: !transA, alpha });
    };
    return [needs[0] ? forA() : null, needs[1] ? forB() : null];
  },
});

/** `[..., K]` as `[rows, K]`. */
function asRows(x: Node): Node {
  const shape = shapeOf(x);
  return reshape(x, [sizeOf(shape.slice(0, -1)), shape.at(-1)!]);
}

/**
 * alpha * A B over the last two axes, `[..., M, K]` by `[..., K, N]` to `[..., M, N]`; leading axes
 * must be equal, or B is one matrix for all of them.
 *
 * @throws {GraphError} when the sizes do not fit.
 */
export function matmul(a: Node, b: Node, attrs: Partial<MatmulAttrs> = {}): Node {
  return apply(matmulOp, [a, b], { transA: false, transB: false, alpha: 1, ...attrs });
}

/** `[..., K]` by a weight stored `[N, K]` to `[..., N]`: the rows of all leading axes at once. */
export function matmulRows(x: Node, weight: Node, alpha = 1): Node {
  if (shapeOf(x).length > 1) return matmul(x, weight, { transB: true, alpha });
  const [columns] = shapeOf(weight) as [number];
  return reshape(matmul(asRows(x), weight, { transB: true, alpha }), [columns]);
}
