/** Products of few rows. */

import { countOf } from "../../wgsl/sizes.ts";
import { type KernelPlan } from "../plan.ts";
import { beginProduct, Operands, type Product, readsPairs, writeResult } from "./product.ts";

/** Up to so many rows, as in decoding, there is nothing to reuse of the right matrix. */
export const FEW_ROWS = 8;

/** Columns of a workgroup of {@link fewRows}, and invocations that share one. */
const SHAPES = {
  /** Stored along the inner axis: neighbours read along it. */
  transposed: { columns: 4, shares: 32 },
  /** Stored along the columns. */
  plain: { columns: 32, shares: 4 },
} as const;

/** A product of few rows, where what takes time is to read the right matrix, once. */
export function fewRows(product: Product, rows: number): KernelPlan {
  const { transB } = product.attrs;
  const { columns, shares } = transB ? SHAPES.transposed : SHAPES.plain;
  const invocations = columns * shares;
  const [width, products] = [product.columns, product.products].map(countOf);
  return {
    label: "matmul",
    invocations,
    groups: (sizes) => {
      const count = Math.ceil(width!(sizes) / columns);
      // Over two axes where one would not do.
      const across = Math.min(count, 4096);
      return [across, Math.ceil(count / across || 0), products!(sizes)];
    },
    write(kernel, all) {
      const which = beginProduct(kernel, product);
      const operands = new Operands(kernel, all, product, which);
      const [column, share] = transB
        ? [`lane / ${shares}u`, `lane % ${shares}u`]
        : [`lane % ${columns}u`, `lane / ${columns}u`];
      const own = kernel.let(`(group.y * 4096u + group.x) * ${columns}u + ${column}`);
      const part = kernel.let(share);
      const isThere = kernel.let(`${own} < ${kernel.count(product.columns)}`);
      for (let row = 0; row < rows; row++) kernel.line(`var sum${row} = 0f;`);
      kernel.block(`if (${isThere})`, () => {
        const depth = kernel.count(product.inner);
        const step = readsPairs(product) ? 2 : 1;
        const head = `var inner = ${step}u * ${part}; inner < ${depth}; inner += ${step * shares}u`;
        kernel.block(`for (${head})`, () => {
          const right = step === 2
            ? operands.rightPair("inner", own)
            : [operands.right("inner", own)];
          for (let row = 0; row < rows; row++) {
            right.forEach((element, i) => {
              const left = operands.left(`${row}u`, i === 0 ? "inner" : `(inner + ${i}u)`);
              kernel.line(`sum${row} += ${left} * ${element};`);
            });
          }
        });
      });
      const memory = kernel.shared(`array<f32, ${invocations}>`);
      const stride = transB ? 1 : columns;
      for (let row = 0; row < rows; row++) {
        kernel.line(`${memory}[lane] = sum${row};`);
        kernel.line("workgroupBarrier();");
        for (let half = shares / 2; half >= 1; half /= 2) {
          kernel.block(`if (${part} < ${half}u)`, () => {
            kernel.line(`${memory}[lane] += ${memory}[lane + ${half * stride}u];`);
          });
          kernel.line("workgroupBarrier();");
        }
        kernel.block(`if (${isThere} && ${part} == 0u)`, () => {
          writeResult(kernel, product, which, [`${row}u`, own], `${memory}[lane]`);
        });
        kernel.line("workgroupBarrier();");
      }
    },
  };
}
