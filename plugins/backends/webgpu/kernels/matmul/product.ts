/** A matrix product as kernels see it: its sizes, elements of its operands, and where results go. */

import { type MatmulAttrs, type Node, shapeOf } from "../../../../../core/graph/mod.ts";
import { type Shape } from "../../../../../core/tensor/mod.ts";
import { type Expressions } from "../../wgsl/expressions.ts";
import { HALVES, pairAt } from "../../wgsl/halves.ts";
import { knownSize } from "../../wgsl/indices.ts";
import { countOf } from "../../wgsl/sizes.ts";
import { type Value } from "../../wgsl/value.ts";
import { floatLiteral, type KernelWriter } from "../../wgsl/writer.ts";
import { type Groups } from "../plan.ts";

/** A product, with its sizes as shapes: leading axes may be many, and known at run time only. */
export interface Product {
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

/** The product of a node, to be written to a value. */
export function productOf(node: Node, to: Value): Product {
  const [a, b] = node.inputs as [Node, Node];
  const attrs = node.attrs as MatmulAttrs;
  const [left, right] = [shapeOf(a), shapeOf(b)];
  const shared = right.length === 2 && !attrs.transA;
  return {
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
}

/** A place along an axis, and how long that is. */
type Place = readonly [at: string, size: Shape];

/** Whether neighbours along the inner axis of the right matrix are two half floats of a word. */
export function readsPairs({ b, attrs, inner, shared }: Product): boolean {
  const depth = knownSize(inner);
  return b.op === HALVES && shared && attrs.transB && depth !== undefined && depth % 2 === 0;
}

/** Workgroups for tiles of `tile` × `tile` of the results, the products along z. */
export function tileGroups({ rows, columns, products }: Product, tile: number): Groups {
  const [height, width, count] = [rows, columns, products].map(countOf);
  return (sizes) => [
    Math.ceil(width!(sizes) / tile),
    Math.ceil(height!(sizes) / tile),
    count!(sizes),
  ];
}

/** Begins a kernel whose workgroups have the products along z; those beyond the last return. */
export function beginProduct(kernel: KernelWriter, { products }: Product): string {
  if (products.length === 0) return "0u";
  const which = kernel.let("group.z");
  kernel.line(`if (${which} >= ${kernel.count(products)}) { return; }`);
  return which;
}

/** Elements of both matrices, as expressions. */
export class Operands {
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

  /** Elements `inner`, which is even, and the next one of a right matrix of {@link readsPairs}. */
  rightPair(inner: string, column: string): readonly [string, string] {
    const { b, columns, inner: depth } = this.product;
    return pairAt(this.all, b, this.#flat("0u", [column, columns], [inner, depth]));
  }

  #at(node: Node, which: string, isTransposed: boolean, first: Place, second: Place): string {
    const [outer, last] = isTransposed ? [second, first] : [first, second];
    return this.all.atFlat(node, this.#flat(which, outer, last));
  }

  #flat(which: string, [outer, outerSize]: Place, [last, lastSize]: Place): string {
    const { kernel } = this;
    const line = which === "0u" ? outer : `(${which} * ${kernel.count(outerSize)} + ${outer})`;
    return kernel.let(`${line} * ${kernel.count(lastSize)} + ${last}`);
  }
}

/** Writes one element of the result. */
export function writeResult(
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
