/** Matrix products. */

import { type MatmulAttrs, type Node, shapeOf } from "../../../../core/graph/mod.ts";
import { type Shape } from "../../../../core/tensor/mod.ts";
import { type Expressions } from "../expressions.ts";
import { knownSize } from "../indices.ts";
import { countOf, type KernelPlan, type Lowering } from "../lower.ts";
import { type Value } from "../steps.ts";
import { floatLiteral, type KernelWriter } from "../writer.ts";

/** A product, with its sizes as shapes: leading axes may be many, and known at run time only. */
interface Product {
  readonly a: Node;
  readonly b: Node;
  readonly attrs: MatmulAttrs;
  readonly to: Value;
  readonly products: Shape;
  readonly rows: Shape;
  readonly inner: Shape;
  readonly columns: Shape;
  /** Whether there is one right matrix for all products. */
  readonly shared: boolean;
}

export function matmul(lowering: Lowering, node: Node): void {
  const [a, b] = node.inputs as [Node, Node];
  const attrs = node.attrs as MatmulAttrs;
  const [left, right] = [shapeOf(a), shapeOf(b)];
  const shared = right.length === 2 && !attrs.transA;
  const to = lowering.make(node.type);
  const product: Product = {
    a,
    b,
    attrs,
    to,
    products: shared ? [] : left.slice(0, -2),
    rows: shared ? left.slice(0, -1) : [left.at(attrs.transA ? -1 : -2)!],
    inner: [left.at(attrs.transA ? -2 : -1)!],
    columns: [right.at(attrs.transB ? -2 : -1)!],
    shared,
  };
  const rows = knownSize(product.rows);
  const few = rows !== undefined && rows <= FEW_ROWS;
  lowering.run(few ? fewRows(product, rows) : tiled(product));
  lowering.store(node, to);
}

/** Elements of both matrices, as expressions. */
class Operands {
  constructor(
    private readonly kernel: KernelWriter,
    private readonly all: Expressions,
    private readonly product: Product,
    /** Which of the products. */
    private readonly which: string,
  ) {}

  left(row: string, inner: string): string {
    const { a, attrs, rows, inner: depth } = this.product;
    return this.#at(a, this.which, attrs.transA, [row, rows], [inner, depth]);
  }

  right(inner: string, column: string): string {
    const { b, attrs, columns, inner: depth, shared } = this.product;
    const which = shared ? "0u" : this.which;
    return this.#at(b, which, attrs.transB, [inner, depth], [column, columns]);
  }

  #at(
    node: Node,
    which: string,
    isTransposed: boolean,
    first: readonly [at: string, size: Shape],
    second: readonly [at: string, size: Shape],
  ): string {
    const { kernel } = this;
    const [[outer, outerSize], [last, lastSize]] = isTransposed ? [second, first] : [first, second];
    const line = which === "0u" ? outer : `(${which} * ${kernel.count(outerSize)} + ${outer})`;
    return this.all.atFlat(node, kernel.let(`${line} * ${kernel.count(lastSize)} + ${last}`));
  }
}

/** Writes one element of the result. */
function writeResult(
  kernel: KernelWriter,
  { to, rows, columns, attrs, products }: Product,
  which: string,
  [row, column]: readonly [string, string],
  value: string,
): void {
  const line = products.length === 0 ? row : `(${which} * ${kernel.count(rows)} + ${row})`;
  const scaled = attrs.alpha === 1 ? value : `${value} * ${floatLiteral(attrs.alpha)}`;
  kernel.write(to, `${line} * ${kernel.count(columns)} + ${column}`, scaled);
}

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
function tiled(product: Product): KernelPlan {
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

/** Up to so many rows, as in decoding, there is nothing to reuse of the right matrix. */
const FEW_ROWS = 4;

/** Columns of a workgroup of {@link fewRows}, and invocations that share one. */
const SHAPES = {
  /** Stored along the inner axis: neighbours read along it. */
  transposed: { columns: 4, shares: 32 },
  /** Stored along the columns. */
  plain: { columns: 32, shares: 4 },
} as const;

/** A product of few rows, where what takes time is to read the right matrix, once. */
function fewRows(product: Product, rows: number): KernelPlan {
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
      const which = product.products.length === 0 ? "0u" : kernel.let("group.z");
      const operands = new Operands(kernel, all, product, which);
      if (product.products.length > 0) {
        kernel.line(`if (${which} >= ${kernel.count(product.products)}) { return; }`);
      }
      const [column, share] = transB
        ? [`lane / ${shares}u`, `lane % ${shares}u`]
        : [`lane % ${columns}u`, `lane / ${columns}u`];
      const own = kernel.let(`(group.y * 4096u + group.x) * ${columns}u + ${column}`);
      const part = kernel.let(share);
      const isThere = kernel.let(`${own} < ${kernel.count(product.columns)}`);
      for (let row = 0; row < rows; row++) kernel.line(`var sum${row} = 0f;`);
      kernel.block(`if (${isThere})`, () => {
        const depth = kernel.count(product.inner);
        kernel.block(`for (var inner = ${part}; inner < ${depth}; inner += ${shares}u)`, () => {
          const right = operands.right("inner", own);
          for (let row = 0; row < rows; row++) {
            kernel.line(`sum${row} += ${operands.left(`${row}u`, "inner")} * ${right};`);
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
