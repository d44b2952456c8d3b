/** Products in tiles that a workgroup shares. */

import { type KernelPlan } from "../plan.ts";
import { beginProduct, Operands, type Product, tileGroups, writeResult } from "./product.ts";

/** Rows and columns of the result that a workgroup works out, and how deep it reads at a time. */
const TILE = 64;
const DEPTH = 16;

/** Rows and columns that one invocation works out: columns are the four numbers of a vector. */
const OWN_ROWS = 8;
const OWN_COLUMNS = 4;
const ACROSS = TILE / OWN_COLUMNS;
const INVOCATIONS = ACROSS * TILE / OWN_ROWS;

/** Vectors in a line of a tile, and from one line to the next: so fewer banks of the memory collide. */
const VECTORS = TILE / 4;
const LINE = VECTORS + 1;

/**
 * A workgroup works out a tile of 64 × 64: it brings 16 columns of the left and rows of the right into
 * shared memory, and each invocation keeps 8 × 4 sums in registers.
 */
export function tiled(product: Product): KernelPlan {
  return {
    label: "matmul",
    invocations: INVOCATIONS,
    groups: tileGroups(product, TILE),
    write(kernel, all) {
      const which = beginProduct(kernel, product);
      const operands = new Operands(kernel, all, product, which);
      const [height, width, depth] = [product.rows, product.columns, product.inner]
        .map((shape) => kernel.count(shape)) as [string, string, string];
      const top = kernel.let(`group.y * ${TILE}u`);
      const left = kernel.let(`group.x * ${TILE}u`);
      kernel.line(`if (${top} >= ${height} || ${left} >= ${width}) { return; }`);
      const tileA = kernel.shared(`array<vec4<f32>, ${DEPTH * LINE}>`);
      const tileB = kernel.shared(`array<vec4<f32>, ${DEPTH * LINE}>`);
      const x = kernel.let(`lane % ${ACROSS}u`);
      const y = kernel.let(`lane / ${ACROSS}u`);
      for (let i = 0; i < OWN_ROWS; i++) kernel.line(`var sum${i} = vec4<f32>();`);

      /**
       * Brings a tile in, four numbers of a line at a time: of a vector, invocations may not write
       * components of their own. Neighbouring ones read along the axis that is stored last.
       */
      const bring = (
        tile: string,
        alongDepth: boolean,
        [start, end]: readonly [string, string],
        read: (at: string, inner: string) => string,
      ) => {
        for (let part = 0; part < VECTORS * DEPTH / INVOCATIONS; part++) {
          kernel.block("", () => {
            const element = kernel.let(`lane + ${part * INVOCATIONS}u`);
            const size = alongDepth ? DEPTH : VECTORS;
            const fast = kernel.let(`${element} % ${size}u`);
            const slow = kernel.let(`${element} / ${size}u`);
            const [line, vector] = alongDepth ? [fast, slow] : [slow, fast];
            const inner = kernel.let(`depth + ${line}`);
            const values = kernel.variable("vec4<f32>", "vec4<f32>()");
            kernel.block(`if (${inner} < ${depth})`, () => {
              for (let i = 0; i < 4; i++) {
                const at = kernel.let(`${start} + ${vector} * 4u + ${i}u`);
                kernel.block(`if (${at} < ${end})`, () => {
                  kernel.line(`${values}[${i}] = ${read(at, inner)};`);
                });
              }
            });
            kernel.line(`${tile}[${line} * ${LINE}u + ${vector}] = ${values};`);
          });
        }
      };

      kernel.block(`for (var depth = 0u; depth < ${depth}; depth += ${DEPTH}u)`, () => {
        const { transA, transB } = product.attrs;
        bring(tileA, !transA, [top, height], (row, inner) => operands.left(row, inner));
        bring(tileB, transB, [left, width], (column, inner) => operands.right(inner, column));
        kernel.line("workgroupBarrier();");
        kernel.block(`for (var line = 0u; line < ${DEPTH * LINE}u; line += ${LINE}u)`, () => {
          const right = kernel.let(`${tileB}[line + ${x}]`);
          for (let i = 0; i < OWN_ROWS; i++) {
            const own = kernel.once(
              `rows ${i >> 2}`,
              () => kernel.let(`${tileA}[line + ${y} * ${OWN_ROWS / 4}u + ${i >> 2}u]`),
            );
            kernel.line(`sum${i} += ${own}[${i & 3}] * ${right};`);
          }
        });
        kernel.line("workgroupBarrier();");
      });

      for (let i = 0; i < OWN_ROWS; i++) {
        const row = kernel.let(`${top} + ${y} * ${OWN_ROWS}u + ${i}u`);
        for (let j = 0; j < OWN_COLUMNS; j++) {
          const column = kernel.once(
            `column ${j}`,
            () => kernel.let(`${left} + ${x} * ${OWN_COLUMNS}u + ${j}u`),
          );
          kernel.block(`if (${row} < ${height} && ${column} < ${width})`, () => {
            writeResult(kernel, product, which, [row, column], `sum${i}[${j}]`);
          });
        }
      }
    },
  };
}
