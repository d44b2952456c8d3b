/**
 * How large numbers may be, from what they are made of: so that the room which a count found on the
 * device takes is known before the count is.
 */

import { constantValue, inputName, type Node, shapeOf } from "../../../../core/graph/mod.ts";
import { type HostTensor } from "../../../../core/tensor/mod.ts";
import { sizeFunction, type SizeValues } from "../wgsl/sizes.ts";

/** Numbers from `low` to `high`. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** What is known on the host in a run. */
export interface Known {
  readonly sizes: SizeValues;
  /** The range of the numbers that an input was fed; undefined where that is not at hand. */
  rangeOf(input: string): Interval | undefined;
}

/** The numbers of a tensor lie between these; of an empty one at 0. Where one is NaN, both are. */
export function rangeOfTensor({ data }: HostTensor): Interval {
  if (data.length === 0) return { low: 0, high: 0 };
  let low = Infinity;
  let high = -Infinity;
  for (const value of data) {
    if (Number.isNaN(value)) return { low: NaN, high: NaN };
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

const UNIT: Interval = { low: 0, high: 1 };

/** Where the numbers of a node lie in a run; undefined where that cannot be told. */
export function rangeOf(node: Node, known: Known): Interval | undefined {
  const memo = new Map<Node, Interval | undefined>();
  const find = (one: Node): Interval | undefined => {
    if (!memo.has(one)) memo.set(one, narrow(one, find, known));
    return memo.get(one);
  };
  const found = find(node);
  return found && Number.isFinite(found.low) && Number.isFinite(found.high) ? found : undefined;
}

type Find = (node: Node) => Interval | undefined;

function narrow(node: Node, find: Find, known: Known): Interval | undefined {
  const of = (i: number) => find(node.inputs[i]!);
  switch (node.op.name) {
    case "input":
      return known.rangeOf(inputName(node)!);
    case "constant":
      return rangeOfTensor(constantValue(node)!);
    case "greater":
    case "sigmoid":
    case "softmax":
      return UNIT;
    case "add":
      return both(of(0), of(1), (a, b) => ({ low: a.low + b.low, high: a.high + b.high }));
    case "sub":
      return both(of(0), of(1), (a, b) => ({ low: a.low - b.high, high: a.high - b.low }));
    case "mul":
      return both(of(0), of(1), product);
    case "reduceSum":
    case "cumulativeSum":
      return summed(node, of(0), known);
    case "choose":
      return both(of(1), of(2), hull);
    case "pad":
      return both(of(0), { low: 0, high: 0 }, hull);
    case "concat":
      return node.inputs.map(find).reduce((a, b) => both(a, b, hull));
    case "reshape":
    case "transpose":
    case "broadcastTo":
    case "slice":
    case "gatherRows":
    case "takeLast":
    case "stopGradient":
    case "straightThrough":
    case "checkpoint":
    case "withGradient":
    case "after":
    case "cast":
      return of(0);
    default:
      return undefined;
  }
}

function both(
  a: Interval | undefined,
  b: Interval | undefined,
  join: (a: Interval, b: Interval) => Interval,
): Interval | undefined {
  return a && b && join(a, b);
}

function hull(a: Interval, b: Interval): Interval {
  return { low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) };
}

function product(a: Interval, b: Interval): Interval {
  const ends = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high];
  return { low: Math.min(...ends), high: Math.max(...ends) };
}

/** A sum of at most as many numbers as the axes have that are summed over. */
function summed(node: Node, each: Interval | undefined, { sizes }: Known): Interval | undefined {
  if (!each) return undefined;
  const shape = shapeOf(node.inputs[0]!);
  const { axes, axis } = node.attrs as { axes?: readonly number[]; axis?: number };
  const count = (axes ?? [axis!]).reduce((all, one) => all * sizeFunction(shape[one]!)(sizes), 1);
  return { low: Math.min(0, each.low * count), high: Math.max(0, each.high * count) };
}
