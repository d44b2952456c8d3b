/**
 * Elements as expressions of WGSL. What is not in memory is worked out where it is needed: operations
 * on one element at a time, and those that only move elements, are no kernels of their own.
 */

import {
  type AttrsOf,
  constantValue,
  type Node,
  type OpName,
  shapeOf,
} from "../../../../core/graph/mod.ts";
import { BLOCK_SIZE, type RowRange, type Shape, sizeOf } from "../../../../core/tensor/mod.ts";
import { elementwise } from "./elementwise.ts";
import { DEQUANTIZE } from "./functions.ts";
import { halfAt, HALVES } from "./halves.ts";
import { broadcastIndex, coordinatesOf, flatOf, type Index, keyOf } from "./indices.ts";
import { type Value } from "./value.ts";
import { elementType, floatLiteral, type KernelWriter } from "./writer.ts";

/** Says an element of an operation's value, from elements of its inputs. */
export type Rule<K extends OpName> = (
  all: Expressions,
  node: Node,
  index: Index,
  attrs: AttrsOf<K>,
) => string;

/** Elements of a graph's values, as expressions in one kernel. */
export class Expressions {
  readonly #numbers = new Map<Node, number>();

  /** @param valueOf what is in memory */
  constructor(
    readonly kernel: KernelWriter,
    private readonly valueOf: (node: Node) => Value | undefined,
  ) {}

  /** The element of `node` at `index`, as an expression. */
  at(node: Node, index: Index): string {
    const literal = literalOf(node);
    if (literal !== undefined) return literal;
    const value = this.valueOf(node);
    const { kernel } = this;
    if (value) {
      const flat = flatOf(kernel, index);
      return kernel.once(`read ${value.id} ${flat}`, () => kernel.let(kernel.read(value, flat)));
    }
    let number = this.#numbers.get(node);
    if (number === undefined) this.#numbers.set(node, number = this.#numbers.size);
    const rule = rules[node.op.name as keyof typeof rules] as Rule<never> | undefined;
    if (!rule) throw new TypeError(`internal: ${node.op.name} is not in memory`);
    return kernel.once(
      `node ${number} ${keyOf(index)}`,
      () => kernel.let(rule(this, node, index, node.attrs as never)),
    );
  }

  /** The element of `node` at a place in memory order. */
  atFlat(node: Node, flat: string): string {
    return this.at(node, { shape: shapeOf(node), flat });
  }

  /** The element of input `i`, broadcast, that `index` of the node reads. */
  input(node: Node, i: number, index: Index): string {
    const from = node.inputs[i]!;
    return this.at(from, broadcastIndex(this.kernel, index, shapeOf(from)));
  }
}

/** A constant of one number, as it is written in WGSL. */
export function literalOf(node: Node): string | undefined {
  const value = constantValue(node);
  if (!value || value.data.length !== 1) return undefined;
  const [number] = value.data as unknown as [number];
  if (value.dtype === "float32") return floatLiteral(number);
  return value.dtype === "int32" ? `i32(${number})` : `${number}u`;
}

const movement = {
  reshape(all, node, index) {
    const [from] = node.inputs as [Node];
    return all.atFlat(from, flatOf(all.kernel, index));
  },
  transpose(all, node, index, { permutation }) {
    const [from] = node.inputs as [Node];
    const moved = coordinatesOf(all.kernel, index);
    const coordinates = shapeOf(from).map((_, axis) => moved[permutation.indexOf(axis)]!);
    return all.at(from, { shape: shapeOf(from), coordinates });
  },
  broadcastTo: (all, node, index) => all.input(node, 0, index),
  slice(all, node, index, { axis, start }) {
    const [from] = node.inputs as [Node];
    const { kernel } = all;
    const coordinates = [...coordinatesOf(kernel, index)];
    if (start !== 0) coordinates[axis] = plus(kernel, coordinates[axis]!, start);
    return all.at(from, { shape: shapeOf(from), coordinates });
  },
  pad(all, node, index, { axis, before }) {
    const { kernel } = all;
    const [from] = node.inputs as [Node];
    const shape = shapeOf(from);
    const coordinates = coordinatesOf(kernel, index);
    const inner = before === 0
      ? coordinates[axis]!
      : kernel.let(`${coordinates[axis]} - ${kernel.size(before)}`);
    const result = kernel.variable(elementType(node.type.dtype), zeroOf(node));
    // Places before wrap around to large numbers.
    kernel.block(`if (${inner} < ${kernel.size(shape[axis]!)})`, () => {
      const at = { shape, coordinates: coordinates.with(axis, inner) };
      kernel.line(`${result} = ${all.at(from, at)};`);
    });
    return result;
  },
  concat(all, node, index, { axis }) {
    const { kernel } = all;
    const coordinates = coordinatesOf(kernel, index);
    const result = kernel.variable(elementType(node.type.dtype), zeroOf(node));
    node.inputs.forEach((from, i) => {
      const shape = shapeOf(from);
      const inner = i === 0
        ? coordinates[axis]!
        : kernel.let(`${coordinates[axis]} - ${startOf(all, node, i, axis)}`);
      kernel.block(`if (${inner} < ${kernel.size(shape[axis]!)})`, () => {
        const at = { shape, coordinates: coordinates.with(axis, inner) };
        kernel.line(`${result} = ${all.at(from, at)};`);
      });
    });
    return result;
  },
} satisfies { [K in OpName]?: Rule<K> };

/** Where part `i` of a concat begins, as an expression. */
export function startOf(
  { kernel }: Pick<Expressions, "kernel">,
  node: Node,
  i: number,
  axis: number,
) {
  const sizes = node.inputs.slice(0, i).map((part) => kernel.size(shapeOf(part)[axis]!));
  return sizes.length === 0 ? "0u" : `(${sizes.join(" + ")})`;
}

function plus(kernel: KernelWriter, at: string, by: number): string {
  return kernel.let(at === "0u" ? kernel.size(by) : `${at} + ${kernel.size(by)}`);
}

function zeroOf(node: Node): string {
  return node.type.dtype === "float32" ? "0f" : node.type.dtype === "int32" ? "0i" : "0u";
}

const indexing = {
  gatherRows(all, node, index) {
    const { kernel } = all;
    const [table, ids] = node.inputs as [Node, Node];
    const lead = shapeOf(ids).length;
    const row = kernel.let(`u32(${all.at(ids, leading(kernel, index, lead))})`);
    const rest = coordinatesOf(kernel, index).slice(lead);
    return all.at(table, { shape: shapeOf(table), coordinates: [row, ...rest] });
  },
  takeLast(all, node, index) {
    const { kernel } = all;
    const [x, ids] = node.inputs as [Node, Node];
    const place = kernel.let(`u32(${all.at(ids, index)})`);
    const coordinates = [...coordinatesOf(kernel, index), place];
    return all.at(x, { shape: shapeOf(x), coordinates });
  },
  addAtLast(all, node, index) {
    const { kernel } = all;
    const [x, ids, values] = node.inputs as [Node, Node, Node];
    const row = leading(kernel, index, shapeOf(ids).length);
    const place = coordinatesOf(kernel, index).at(-1)!;
    const isThere = `${place} == u32(${all.at(ids, row)})`;
    return `${all.at(x, index)} + select(0f, ${all.at(values, row)}, ${isThere})`;
  },
  countUp: (all, _node, index) => `i32(${flatOf(all.kernel, index)})`,
  rope(all, node, index, { heads }) {
    const { kernel } = all;
    const [x, positions, cos, sin] = node.inputs as [Node, Node, Node, Node];
    const shape = shapeOf(x);
    const width = shape[2]! / heads;
    const half = shapeOf(cos)[1]!;
    const at = coordinatesOf(kernel, index);
    const within = kernel.let(`${at[2]} % ${width}u`);
    const pair = kernel.let(`${within} % ${half}u`);
    const isFirst = kernel.let(`${within} < ${half}u`);
    const row = leading(kernel, index, 2);
    const position = kernel.let(`u32(${all.at(positions, row)})`);
    const entry = { shape: shapeOf(cos), coordinates: [position, pair] };
    const other = kernel.let(`select(${at[2]} - ${half}u, ${at[2]} + ${half}u, ${isFirst})`);
    const turned = all.at(x, { shape, coordinates: [at[0]!, at[1]!, other] });
    const [c, s] = [all.at(cos, entry), all.at(sin, entry)];
    const own = all.at(x, index);
    const rotated = `${own} * ${c} + select(${s}, -(${s}), ${isFirst}) * ${turned}`;
    // What the tables do not reach passes as it is.
    return 2 * half === width ? rotated : `select(${own}, ${rotated}, ${within} < ${2 * half}u)`;
  },
  dequantize(all, node, index, { format, shape, rows }) {
    const { kernel } = all;
    const [codes, scales] = node.inputs as [Node, Node];
    const own = flatOf(kernel, index);
    const flat = rows ? kernel.let(placeInAll(kernel, own, shape, rows)) : own;
    const pair = all.atFlat(codes, kernel.let(`${flat} / 2u`));
    // The first of a pair is in the upper half.
    const code = kernel.let(`(${pair} >> (4u * (1u - ${flat} % 2u))) & 15u`);
    const scale = all.atFlat(scales, kernel.let(`${flat} / ${BLOCK_SIZE}u`));
    kernel.helper(format, DEQUANTIZE[format]);
    return `${format}(${code}) * ${scale}`;
  },
  choose(all, node, index) {
    const { kernel } = all;
    const [condition, a, b] = node.inputs as [Node, Node, Node];
    const isTrue = `${all.atFlat(condition, "0u")} != 0f`;
    const result = kernel.variable(elementType(node.type.dtype), zeroOf(node));
    kernel.block(`if (${isTrue})`, () => kernel.line(`${result} = ${all.at(a, index)};`));
    kernel.block("else", () => kernel.line(`${result} = ${all.at(b, index)};`));
    return result;
  },
} satisfies { [K in OpName]?: Rule<K> };

/** Where an element of some rows of a matrix stands in the whole matrix. */
function placeInAll(
  kernel: KernelWriter,
  flat: string,
  [count, ...rest]: Shape,
  { groups, start, end }: RowRange,
): string {
  const width = sizeOf(rest);
  const row = kernel.let(`${flat} / ${width}u`);
  const group = `${row} / ${end - start}u * ${count! / groups}u`;
  return `(${group} + ${start}u + ${row} % ${end - start}u) * ${width}u + ${flat} % ${width}u`;
}

/** The element, of a tensor with the first axes only, that an index belongs to. */
function leading(kernel: KernelWriter, index: Index, axes: number): Index {
  if (axes === index.shape.length) return index;
  return {
    shape: index.shape.slice(0, axes),
    coordinates: coordinatesOf(kernel, index).slice(0, axes),
  };
}

/** Operations of this backend's own. */
const own = {
  halves: (all, node, index) => halfAt(all, node, flatOf(all.kernel, index)),
} satisfies Record<typeof HALVES.name, Rule<never>>;

const rules = { ...elementwise, ...movement, ...indexing, ...own };

/** Whether an operation can be worked out element by element, where it is needed. */
export function isInline(node: Node): boolean {
  return Object.hasOwn(rules, node.op.name);
}

/** Operations that only say where elements are, or how they are kept. */
const VIEWS: ReadonlySet<string> = new Set<OpName | typeof HALVES.name>([
  HALVES.name,
  "reshape",
  "transpose",
  "broadcastTo",
  "slice",
  "stopGradient",
  "straightThrough",
  "after",
  "checkpoint",
  "withGradient",
]);

/** Whether an operation gives elements of its first input, and works nothing out. */
export function isView(node: Node): boolean {
  return VIEWS.has(node.op.name);
}
