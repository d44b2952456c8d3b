/** Products where the memory that a workgroup shares is slow, as on adapters in software. */

import { type KernelPlan } from "../plan.ts";
import { beginProduct, Operands, type Product, tileGroups, writeResult } from "./product.ts";

/** Rows and columns that one invocation works out. */
const OWN = 4;

/** Invocations of a workgroup along rows and along columns. */
const ACROSS = 8;
const TILE = OWN * ACROSS;

/** Each invocation reads what its 4 × 4 elements need from the operands themselves. */
export function inRegisters(product: Product): KernelPlan {
  return {
    label: "matmul",
    invocations: ACROSS * ACROSS,
    groups: tileGroups(product, TILE),
    write(kernel, all) {
      const which = beginProduct(kernel, product);
      const operands = new Operands(kernel, all, product, which);
      const [height, width, depth] = [product.rows, product.columns, product.inner]
        .map((shape) => kernel.count(shape)) as [string, string, string];
      const top = kernel.let(`group.y * ${TILE}u + lane / ${ACROSS}u * ${OWN}u`);
      const left = kernel.let(`group.x * ${TILE}u + lane % ${ACROSS}u * ${OWN}u`);
      kernel.line(`if (${top} >= ${height} || ${left} >= ${width}) { return; }`);
      // Beyond the edges the last row and column are read again, and nothing is written.
      const each = Array.from({ length: OWN }, (_, i) => i);
      const within = (start: string, i: number, end: string) =>
        kernel.let(`min(${start} + ${i}u, ${end} - 1u)`);
      const ownRows = each.map((i) => within(top, i, height));
      const ownColumns = each.map((i) => within(left, i, width));
      for (const i of each) kernel.line(`var sum${i} = vec4<f32>();`);
      kernel.block(`for (var inner = 0u; inner < ${depth}; inner++)`, () => {
        const right = ownColumns.map((column) => operands.right("inner", column)).join(", ");
        const line = kernel.let(`vec4<f32>(${right})`);
        for (const i of each) {
          kernel.line(`sum${i} += ${operands.left(ownRows[i]!, "inner")} * ${line};`);
        }
      });
      for (const i of each) {
        for (const j of each) {
          const [row, column] = [`${top} + ${i}u`, `${left} + ${j}u`];
          kernel.block(`if (${row} < ${height} && ${column} < ${width})`, () => {
            writeResult(kernel, product, which, [ownRows[i]!, ownColumns[j]!], `sum${i}[${j}]`);
          });
        }
      }
    },
  };
}
