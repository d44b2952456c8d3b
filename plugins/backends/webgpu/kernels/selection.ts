/** Selections of rows: places of what is not 0, counts, sums along an axis, putting rows back. */

import { type Node, shapeOf } from "../../../../core/graph/mod.ts";
import { isRuntimeSize } from "../../../../core/tensor/mod.ts";
import { coordinatesOf, flatOf } from "../wgsl/indices.ts";
import { countOf, nameOf } from "../wgsl/sizes.ts";
import { type Value } from "../wgsl/value.ts";
import { WORKGROUP } from "../wgsl/writer.ts";
import { copyOf, forEach } from "./elements.ts";
import { GROUP, type KernelList, spread } from "./plan.ts";
import { type Known, rangeOf } from "./ranges.ts";

/** Invocations that one list is shared among. */
const SHARES = 256;

/** A number that says a count. */
const COUNT = { dtype: "int32", shape: [1] } as const;

/** Makes what a kernel has counted a size, where its shape says that it is one. */
function learnSize(
  list: KernelList,
  node: Node,
  count: Value,
  most: (known: Known) => number | undefined,
): void {
  const [size] = shapeOf(node) as [number];
  if (!isRuntimeSize(size)) return;
  const name = nameOf(size);
  // A size that is made of others is known already.
  if (name === undefined) return;
  list.run({
    label: "size",
    invocations: 1,
    groups: () => [1, 1, 1],
    write(kernel) {
      kernel.writeSize(name, `u32(${kernel.read(count, "0u")})`);
    },
  });
  list.found({ kind: "size", name, most });
}

/** Writes the places of what is not 0, each share's after those of the shares before. */
export function nonZero(list: KernelList, node: Node): void {
  const [x] = node.inputs as [Node];
  const shape = shapeOf(x);
  const most = countOf(shape);
  // Sized by what it could find: how many it finds is not known before.
  const to = list.make({ dtype: "int32", shape });
  const count = list.make(COUNT);
  list.run({
    label: "nonZero",
    invocations: SHARES,
    groups: () => [1, 1, 1],
    write(kernel, all) {
      const size = kernel.count(shape);
      const share = kernel.let(`(${size} + ${SHARES - 1}u) / ${SHARES}u`);
      const start = kernel.let(`min(lane * ${share}, ${size})`);
      const end = kernel.let(`min(${start} + ${share}, ${size})`);
      const own = kernel.variable("u32", "0u");
      const each = (body: () => void) =>
        kernel.block(`for (var at = ${start}; at < ${end}; at++)`, () => {
          kernel.block(`if (${all.atFlat(x, "at")} != 0f)`, body);
        });
      each(() => kernel.line(`${own}++;`));
      const sums = kernel.shared(`array<u32, ${SHARES}>`);
      kernel.line(`${sums}[lane] = ${own};`);
      kernel.line("workgroupBarrier();");
      kernel.block(`for (var step = 1u; step < ${SHARES}u; step <<= 1u)`, () => {
        kernel.line(`var before = 0u;`);
        kernel.line(`if (lane >= step) { before = ${sums}[lane - step]; }`);
        kernel.line("workgroupBarrier();");
        kernel.line(`${sums}[lane] += before;`);
        kernel.line("workgroupBarrier();");
      });
      const place = kernel.variable("u32", `${sums}[lane] - ${own}`);
      each(() => {
        kernel.write(to, place, "i32(at)");
        kernel.line(`${place}++;`);
      });
      kernel.block(`if (lane == ${SHARES - 1}u)`, () => {
        kernel.write(count, "0u", `i32(${sums}[lane])`);
      });
    },
  });
  learnSize(list, node, count, ({ sizes }) => most(sizes));
  list.store(node, to);
}

/** Finds the largest limit; the numbers below it are said where they are read. */
export function countUp(list: KernelList, node: Node): void {
  const [limits] = node.inputs as [Node];
  const count = list.make(COUNT);
  list.run({
    label: "countUp",
    invocations: SHARES,
    groups: () => [1, 1, 1],
    write(kernel, all) {
      const largest = kernel.variable("f32", "0f");
      const size = kernel.count(shapeOf(limits));
      kernel.block(`for (var at = lane; at < ${size}; at += ${SHARES}u)`, () => {
        kernel.line(`${largest} = max(${largest}, ${all.atFlat(limits, "at")});`);
      });
      const memory = kernel.shared(`array<f32, ${SHARES}>`);
      kernel.line(`${memory}[lane] = ${largest};`);
      kernel.line("workgroupBarrier();");
      kernel.line("if (lane != 0u) { return; }");
      kernel.block(`for (var at = 1u; at < ${SHARES}u; at++)`, () => {
        kernel.line(`${largest} = max(${largest}, ${memory}[at]);`);
      });
      kernel.write(count, "0u", `i32(ceil(${largest}))`);
    },
  });
  learnSize(list, node, count, (known) => {
    const range = rangeOf(limits, known);
    return range && Math.max(0, Math.ceil(range.high));
  });
}

/** The numbers of {@link countUp} in memory, where they are given out. */
export function writeCounting(list: KernelList, node: Node): void {
  countUp(list, node);
  const to = list.make(node.type);
  list.run(copyOf("countUp", node, to));
  list.store(node, to);
}

/** Adds up along an axis: a workgroup each, whose invocations take a stretch each. */
export function cumulativeSum(list: KernelList, node: Node): void {
  const [x] = node.inputs as [Node];
  const { axis } = node.attrs as { axis: number };
  const shape = shapeOf(x);
  const others = shape.toSpliced(axis, 1);
  const count = countOf(others);
  const to = list.make(node.type);
  list.run({
    label: "cumulativeSum",
    invocations: SHARES,
    groups: (sizes) => spread(count(sizes)),
    write(kernel, all) {
      const line = kernel.let(GROUP);
      kernel.line(`if (${line} >= ${kernel.count(others)}) { return; }`);
      const size = kernel.size(shape[axis]!);
      const share = kernel.let(`(${size} + ${SHARES - 1}u) / ${SHARES}u`);
      const start = kernel.let(`min(lane * ${share}, ${size})`);
      const end = kernel.let(`min(${start} + ${share}, ${size})`);
      const outside = coordinatesOf(kernel, { shape: others, flat: line });
      const place = (at: string) => ({ shape, coordinates: outside.toSpliced(axis, 0, at) });
      const each = (body: (at: string) => void) =>
        kernel.block(`for (var at = ${start}; at < ${end}; at++)`, () => body("at"));
      const own = kernel.variable("f32", "0f");
      each((at) => kernel.line(`${own} += ${all.at(x, place(at))};`));
      const sums = kernel.shared(`array<f32, ${SHARES}>`);
      kernel.line(`${sums}[lane] = ${own};`);
      kernel.line("workgroupBarrier();");
      const sum = kernel.variable("f32", "0f");
      kernel.block("for (var before = 0u; before < lane; before++)", () => {
        kernel.line(`${sum} += ${sums}[before];`);
      });
      each((at) => {
        kernel.line(`${sum} += ${all.at(x, place(at))};`);
        kernel.write(to, flatOf(kernel, place(at)), sum);
      });
    },
  });
  list.store(node, to);
}

/** Copies all rows, then writes the new ones over them. */
export function putRows(list: KernelList, node: Node): void {
  const [x, ids, values] = node.inputs as [Node, Node, Node];
  const to = list.make(node.type);
  list.run(copyOf("putRows", x, to));
  const shape = shapeOf(values);
  list.run(forEach("putRows", shape, (kernel, all, at) => {
    const [row, ...rest] = coordinatesOf(kernel, { shape, flat: at });
    const id = kernel.let(`u32(${all.at(ids, { shape: shapeOf(ids), coordinates: [row!] })})`);
    const place = flatOf(kernel, { shape: shapeOf(node), coordinates: [id, ...rest] });
    kernel.write(to, place, all.atFlat(values, at));
  }));
  list.store(node, to);
}

/**
 * Adds rows into a table. One invocation for each column goes through all rows in their order, so that
 * repeated indices add up, and in the same order each time.
 */
export function scatterRows(list: KernelList, node: Node): void {
  const [values, ids] = node.inputs as [Node, Node];
  const [, ...width] = shapeOf(node);
  const columns = countOf(width);
  const to = list.make(node.type);
  list.run(forEach("scatterRows", shapeOf(node), (kernel, _all, at) => {
    kernel.write(to, at, "0f");
  }));
  list.run({
    label: "scatterRows",
    groups: (sizes) => spread(Math.ceil(columns(sizes) / WORKGROUP)),
    write(kernel, all) {
      const column = kernel.let(`(${GROUP}) * ${WORKGROUP}u + lane`);
      const size = kernel.count(width);
      kernel.line(`if (${column} >= ${size}) { return; }`);
      const rows = kernel.count(shapeOf(ids));
      kernel.block(`for (var row = 0u; row < ${rows}; row++)`, () => {
        const id = kernel.let(`u32(${all.atFlat(ids, "row")})`);
        const value = all.atFlat(values, kernel.let(`row * ${size} + ${column}`));
        kernel.add(to, kernel.let(`${id} * ${size} + ${column}`), value);
      });
    },
  });
  list.store(node, to);
}
