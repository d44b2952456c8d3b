/** Sums over axes. */

import { type Node, shapeOf } from "../../../../core/graph/mod.ts";
import { type Shape } from "../../../../core/tensor/mod.ts";
import { type Expressions } from "../wgsl/expressions.ts";
import { type Index, knownSize, split } from "../wgsl/indices.ts";
import { countOf } from "../wgsl/sizes.ts";
import { type Value } from "../wgsl/value.ts";
import { type KernelWriter } from "../wgsl/writer.ts";
import { withLanes } from "./lanes.ts";
import { GROUP, type KernelList, type KernelPlan, spread } from "./plan.ts";

/** A sum, cut into what is kept and what is summed over. */
interface Sum {
  readonly x: Node;
  readonly axes: readonly number[];
  readonly kept: Shape;
  readonly summed: Shape;
  readonly to: Value;
}

export function reduceSum(list: KernelList, node: Node): void {
  const [x] = node.inputs as [Node];
  const { axes } = node.attrs as { axes: readonly number[] };
  const shape = shapeOf(x);
  const to = list.make(node.type);
  const sum: Sum = {
    x,
    axes,
    kept: shape.filter((_, axis) => !axes.includes(axis)),
    summed: axes.map((axis) => shape[axis]!),
    to,
  };
  const last = shape.findLastIndex((size) => size !== 1);
  const alongLast = last < 0 || axes.includes(last);
  list.run(alongLast ? overLast(sum) : overOthers(sum));
  list.store(node, to);
}

/** The element of `x` that is kept at `kept` and summed at `summed`. */
function elementAt(
  kernel: KernelWriter,
  { x, axes, ...shapes }: Sum,
  kept: string,
  summed: string,
): Index {
  const shape = shapeOf(x);
  const outside = split(kernel, kept, shapes.kept);
  const inside = split(kernel, summed, shapes.summed);
  return {
    shape,
    coordinates: shape.map((_, axis) => (axes.includes(axis) ? inside : outside).shift()!),
  };
}

/** Invocations next to each other go through elements next to each other. */
function overLast(sum: Sum): KernelPlan {
  return withLanes({
    label: "reduceSum",
    things: sum.kept,
    elements: sum.summed,
    write(lanes, all) {
      const { kernel, thing } = lanes;
      const total = lanes.sum((at) => all.at(sum.x, elementAt(kernel, sum, thing, at)));
      lanes.once(() => kernel.write(sum.to, thing, total));
    },
  });
}

/** Sums that are next to each other, in one workgroup. */
const COLUMNS = 32;

/** Above so many elements a sum they are shared among this many invocations. */
const SHARED_FROM = 64;
const SHARES = 8;

/** Sums next to each other are worked out by invocations next to each other. */
function overOthers(sum: Sum): KernelPlan {
  const shares = (knownSize(sum.summed) ?? SHARED_FROM) < SHARED_FROM ? 1 : SHARES;
  const count = countOf(sum.kept);
  return {
    label: "reduceSum",
    invocations: COLUMNS * shares,
    groups: (sizes) => spread(Math.ceil(count(sizes) / COLUMNS)),
    write(kernel, all) {
      const column = kernel.let(`(${GROUP}) * ${COLUMNS}u + lane % ${COLUMNS}u`);
      const share = kernel.let(`lane / ${COLUMNS}u`);
      const isThere = kernel.let(`${column} < ${kernel.count(sum.kept)}`);
      const own = kernel.variable("f32", "0f");
      const term = (all: Expressions, at: string) =>
        all.at(sum.x, elementAt(kernel, sum, column, at));
      kernel.block(`if (${isThere})`, () => {
        const elements = kernel.count(sum.summed);
        kernel.block(`for (var at = ${share}; at < ${elements}; at += ${shares}u)`, () => {
          kernel.line(`${own} += ${term(all, "at")};`);
        });
      });
      if (shares > 1) {
        const memory = kernel.shared(`array<f32, ${COLUMNS * shares}>`);
        kernel.line(`${memory}[lane] = ${own};`);
        kernel.line("workgroupBarrier();");
        kernel.line(`if (${share} != 0u) { return; }`);
        for (let other = 1; other < shares; other++) {
          kernel.line(`${own} += ${memory}[lane + ${other * COLUMNS}u];`);
        }
      }
      kernel.block(`if (${isThere})`, () => kernel.write(sum.to, column, own));
    },
  };
}
