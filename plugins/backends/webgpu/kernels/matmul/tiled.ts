/** Products in tiles that a workgroup shares. */

import { countOf, type KernelPlan } from "../../lower.ts";
import { Operands, type Product, writeResult } from "./product.ts";

/** Rows and columns of the result that a workgroup works out, and how deep it reads at a time. */
const TILE = 64;
const DEPTH = 16;

/** Rows and columns that one invocation works out. */
const OWN = 4;
const ACROSS = TILE / OWN;
const INVOCATIONS = ACROSS * ACROSS;

/** A line of a tile in shared memory: one number more than it holds, so that banks do not collide. */
const LINE = TILE + 1;

/**
 * A workgroup works out a tile of 64 × 64: it brings 16 columns of the left and rows of the right into
 * shared memory, and each invocation keeps 4 × 4 sums in registers.
 */
export function tiled(product: Product): KernelPlan {
  const [rows, columns, products] = [product.rows, product.columns, product.products].map(countOf);
  return {
    label: "matmul",
    invocations: INVOCATIONS,
    groups: (sizes) => [
      Math.ceil(columns!(sizes) / TILE),
      Math.ceil(rows!(sizes) / TILE),
      products!(sizes),
    ],
    write(kernel, all) {
      const which = product.products.length === 0 ? "0u" : kernel.let("group.z");
      const operands = new Operands(kernel, all, product, which);
      const [height, width, depth] = [product.rows, product.columns, product.inner]
        .map((shape) => kernel.count(shape)) as [string, string, string];
      if (product.products.length > 0) {
        kernel.line(`if (${which} >= ${kernel.count(product.products)}) { return; }`);
      }
      const top = kernel.let(`group.y * ${TILE}u`);
      const left = kernel.let(`group.x * ${TILE}u`);
      kernel.line(`if (${top} >= ${height} || ${left} >= ${width}) { return; }`);
      const tileA = kernel.shared(`array<f32, ${DEPTH * LINE}>`);
      const tileB = kernel.shared(`array<f32, ${DEPTH * LINE}>`);
      const x = kernel.let(`lane % ${ACROSS}u`);
      const y = kernel.let(`lane / ${ACROSS}u`);
      for (let i = 0; i < OWN; i++) kernel.line(`var sum${i} = vec4<f32>();`);

      /** Brings a tile in; neighbouring invocations read along the axis that is stored last. */
      const bring = (
        tile: string,
        alongDepth: boolean,
        [start, end]: readonly [string, string],
        read: (at: string, inner: string) => string,
      ) => {
        for (let part = 0; part < TILE * DEPTH / INVOCATIONS; part++) {
          kernel.block("", () => {
            const element = kernel.let(`lane + ${part * INVOCATIONS}u`);
            const size = alongDepth ? DEPTH : TILE;
            const [fast, slow] = [
              kernel.let(`${element} % ${size}u`),
              kernel.let(`${element} / ${size}u`),
            ];
            const [line, within] = alongDepth ? [fast, slow] : [slow, fast];
            const at = kernel.let(`${start} + ${within}`);
            const inner = kernel.let(`depth + ${line}`);
            const value = kernel.variable("f32", "0f");
            kernel.block(`if (${at} < ${end} && ${inner} < ${depth})`, () => {
              kernel.line(`${value} = ${read(at, inner)};`);
            });
            kernel.line(`${tile}[${line} * ${LINE}u + ${within}] = ${value};`);
          });
        }
      };

      kernel.block(`for (var depth = 0u; depth < ${depth}; depth += ${DEPTH}u)`, () => {
        const { transA, transB } = product.attrs;
        bring(tileA, !transA, [top, height], (row, inner) => operands.left(row, inner));
        bring(tileB, transB, [left, width], (column, inner) => operands.right(inner, column));
        kernel.line("workgroupBarrier();");
        kernel.block(`for (var line = 0u; line < ${DEPTH * LINE}u; line += ${LINE}u)`, () => {
          const of = (tile: string, at: string) =>
            Array.from({ length: OWN }, (_, i) => `${tile}[line + ${at} * ${OWN}u + ${i}u]`);
          const right = kernel.let(`vec4<f32>(${of(tileB, x).join(", ")})`);
          of(tileA, y).forEach((own, i) => kernel.line(`sum${i} += ${own} * ${right};`));
        });
        kernel.line("workgroupBarrier();");
      });

      for (let i = 0; i < OWN; i++) {
        const row = kernel.let(`${top} + ${y} * ${OWN}u + ${i}u`);
        for (let j = 0; j < OWN; j++) {
          const column = kernel.once(
            `column ${j}`,
            () => kernel.let(`${left} + ${x} * ${OWN}u + ${j}u`),
          );
          kernel.block(`if (${row} < ${height} && ${column} < ${width})`, () => {
            writeResult(kernel, product, which, [row, column], `sum${i}[${j}]`);
          });
        }
      }
    },
  };
}
