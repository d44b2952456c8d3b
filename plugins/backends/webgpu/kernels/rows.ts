/** Operations on rows, the last axis: softmax and the losses on it, normalisation. */

import { type Node, shapeOf } from "../../../../core/graph/mod.ts";
import { type Expressions } from "../wgsl/expressions.ts";
import { type Value } from "../wgsl/value.ts";
import { type Lanes, withLanes } from "./lanes.ts";
import { type KernelList } from "./plan.ts";

/** Says an element of a row, by its place in it. */
type Element = (at: string) => string;

/** What is written about a row. */
interface Row {
  readonly lanes: Lanes;
  readonly all: Expressions;
  /** The element of input `i` at a place of this row. */
  readonly element: (i: number) => Element;
  readonly to: Value;
  /** Writes the row, element by element. */
  readonly fill: (each: Element) => void;
}

/** Adds a kernel that goes through the rows of the first input. */
function overRows(list: KernelList, node: Node, write: (row: Row) => void): void {
  const shape = shapeOf(node.inputs[0]!);
  const to = list.make(node.type);
  list.run(withLanes({
    label: node.op.name,
    things: shape.slice(0, -1),
    elements: shape.slice(-1),
    write(lanes, all) {
      const { kernel, thing, count } = lanes;
      const place = (at: string) =>
        kernel.once(`place ${at}`, () => kernel.let(`${thing} * ${count} + ${at}`));
      write({
        lanes,
        all,
        element: (i) => (at) => all.atFlat(node.inputs[i]!, place(at)),
        to,
        fill: (each) => lanes.each((at) => kernel.write(to, place(at), each(at))),
      });
    },
  }));
  list.store(node, to);
}

/** Small enough that nothing is smaller, and can still be taken from its like. */
const LOWEST = "-1e38f";

/** The largest element and the sum of exponentials of what the others are below it, in one pass. */
function exponentialSum(lanes: Lanes, x: Element) {
  const { kernel } = lanes;
  const largest = kernel.variable("f32", LOWEST);
  const sum = kernel.variable("f32", "0f");
  lanes.each((at) => {
    const value = x(at);
    kernel.block(`if (${value} > ${largest})`, () => {
      kernel.line(`${sum} = ${sum} * exp(${largest} - ${value}) + 1f;`);
      kernel.line(`${largest} = ${value};`);
    });
    kernel.block("else", () => kernel.line(`${sum} += exp(${value} - ${largest});`));
  });
  const most = lanes.together(largest, (a, b) => `max(${a}, ${b})`);
  const own = kernel.let(`${sum} * exp(${largest} - ${most})`);
  return { most, total: lanes.together(own, (a, b) => `${a} + ${b}`) };
}

/** Says the logarithm of an element's share. Taken from the largest first: rounding is small there. */
function logShare(lanes: Lanes, x: Element): Element {
  const { most, total } = exponentialSum(lanes, x);
  const rest = lanes.kernel.let(`log(${total})`);
  return (at) => `((${x(at)} - ${most}) - ${rest})`;
}

export function softmax(list: KernelList, node: Node): void {
  overRows(list, node, ({ lanes, element, fill }) => {
    const x = element(0);
    const { most, total } = exponentialSum(lanes, x);
    const share = lanes.kernel.let(`1f / ${total}`);
    fill((at) => `exp(${x(at)} - ${most}) * ${share}`);
  });
}

export function logSoftmax(list: KernelList, node: Node): void {
  overRows(list, node, ({ lanes, element, fill }) => fill(logShare(lanes, element(0))));
}

export function crossEntropy(list: KernelList, node: Node): void {
  overRows(list, node, ({ lanes, all, element, to }) => {
    const { kernel, thing } = lanes;
    const logP = logShare(lanes, element(0));
    lanes.once(() => {
      const target = kernel.let(`u32(${all.atFlat(node.inputs[1]!, thing)})`);
      kernel.write(to, thing, `-${logP(target)}`);
    });
  });
}

export function klDivergence(list: KernelList, node: Node): void {
  overRows(list, node, ({ lanes, element, to }) => {
    const { kernel, thing } = lanes;
    const student = logShare(lanes, element(0));
    const teacher = logShare(lanes, element(1));
    const total = lanes.sum((at) => {
      const logP = kernel.let(teacher(at));
      return `exp(${logP}) * (${logP} - ${student(at)})`;
    });
    lanes.once(() => kernel.write(to, thing, total));
  });
}

/** 1 / sqrt(mean(x^2) + epsilon) of a row. */
function inverseRoot(lanes: Lanes, x: Element, node: Node): string {
  const { epsilon } = node.attrs as { epsilon: number };
  const { kernel, count } = lanes;
  const squares = lanes.sum((at) => `${x(at)} * ${x(at)}`);
  return kernel.let(`1f / sqrt(${squares} / f32(${count}) + ${epsilon}f)`);
}

export function rmsNorm(list: KernelList, node: Node): void {
  overRows(list, node, ({ lanes, all, element, fill }) => {
    const inverse = inverseRoot(lanes, element(0), node);
    fill((at) => `${element(0)(at)} * ${inverse} * ${all.atFlat(node.inputs[1]!, at)}`);
  });
}

export function inverseRms(list: KernelList, node: Node): void {
  overRows(list, node, ({ lanes, element, to }) => {
    const inverse = inverseRoot(lanes, element(0), node);
    lanes.once(() => lanes.kernel.write(to, lanes.thing, inverse));
  });
}
