/** The matrix product. */

import { matmulSizes } from "../../../../core/graph/mod.ts";
import { floatsOf, type Kernel } from "../kernel.ts";

/** Up to here, as in decoding, transposing the right matrix would cost more than the product. */
const FEW_ROWS = 4;

export const matmul: Kernel<"matmul"> = ({ inputs, attrs }) => {
  const { products: batch, rows, inner, columns } = matmulSizes(inputs[0]!, inputs[1]!, attrs);
  const a = floatsOf(inputs, 0);
  const b = floatsOf(inputs, 1);
  if (attrs.transB && !attrs.transA && rows <= FEW_ROWS) {
    return dotProducts(a, b, { batch, rows, inner, columns }, attrs.alpha);
  }
  const left = attrs.transA ? transposed(a, batch, inner, rows) : a;
  const right = attrs.transB ? transposed(b, batch, columns, inner) : b;

  const out = new Float64Array(batch * rows * columns);
  for (let i = 0; i < batch; i++) {
    multiply(
      left.subarray(i * rows * inner, (i + 1) * rows * inner),
      right.subarray(i * inner * columns, (i + 1) * inner * columns),
      out.subarray(i * rows * columns, (i + 1) * rows * columns),
      { rows, inner, columns },
    );
  }
  if (attrs.alpha !== 1) {
    for (let i = 0; i < out.length; i++) out[i]! *= attrs.alpha;
  }
  return out;
};

/** alpha A B^T where both are stored with the inner axis last: one dot product for each element. */
function dotProducts(
  a: Float64Array,
  b: Float64Array,
  { batch, rows, inner, columns }: Record<"batch" | "rows" | "inner" | "columns", number>,
  alpha: number,
) {
  const out = new Float64Array(batch * rows * columns);
  for (let i = 0; i < out.length; i++) {
    const startA = Math.floor(i / columns) * inner;
    const startB = (Math.floor(i / (rows * columns)) * columns + i % columns) * inner;
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += a[startA + k]! * b[startB + k]!;
    out[i] = alpha * sum;
  }
  return out;
}

/** Each of `batch` matrices `[rows, columns]` as `[columns, rows]`. */
function transposed(data: Float64Array, batch: number, rows: number, columns: number) {
  const out = new Float64Array(data.length);
  for (let i = 0; i < batch; i++) {
    const start = i * rows * columns;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        out[start + column * rows + row] = data[start + row * columns + column]!;
      }
    }
  }
  return out;
}

/**
 * Adds A B to `out`, all row-major. The innermost loop runs along rows of B and of the result, and
 * four rows of B at a time share one pass over the result's row: model-size tests run on this.
 */
function multiply(
  a: Float64Array,
  b: Float64Array,
  out: Float64Array,
  { rows, inner, columns }: { rows: number; inner: number; columns: number },
): void {
  const inFours = inner - inner % 4;
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let k = 0;
    for (; k < inFours; k += 4) {
      const a0 = a[row * inner + k]!;
      const a1 = a[row * inner + k + 1]!;
      const a2 = a[row * inner + k + 2]!;
      const a3 = a[row * inner + k + 3]!;
      const b0 = k * columns;
      const b1 = b0 + columns;
      const b2 = b1 + columns;
      const b3 = b2 + columns;
      for (let j = 0; j < columns; j++) {
        out[start + j]! += a0 * b[b0 + j]! + a1 * b[b1 + j]! + a2 * b[b2 + j]! + a3 * b[b3 + j]!;
      }
    }
    for (; k < inner; k++) {
      const factor = a[row * inner + k]!;
      for (let j = 0; j < columns; j++) out[start + j]! += factor * b[k * columns + j]!;
    }
  }
}
