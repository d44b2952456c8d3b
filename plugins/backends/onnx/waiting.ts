/** Values that are not to be had before others. */

import { type Emitter } from "./emitter.ts";
import { ELEMENT } from "./proto.ts";
import { type OnnxType } from "./values.ts";

/** A float32 value that is waited for. */
export interface AwaitedValue {
  readonly name: string;
  readonly rank: number;
}

/**
 * `x` of this type, not to be had before `awaited`. It becomes a reshape to the shape that it has
 * already, which copies nothing; a 0 that follows from what is awaited is added to that shape. It is 0
 * for NaN and infinities too, and cannot be worked out ahead.
 */
export function emitAfter(
  emit: Emitter,
  x: string,
  type: OnnxType,
  awaited: readonly AwaitedValue[],
): string {
  const zero = emit.once(`zero after ${awaited.map(({ name }) => name)}`, () => {
    const firsts = awaited.map((value) => firstOf(emit, value));
    const all = firsts.length === 1 ? firsts[0]! : emit.node("Concat", firsts, { axis: 0 });
    const most = firsts.length === 1 ? all : emit.node("ReduceMax", [all, emit.int64s([0])]);
    const never = emit.node("Greater", [most, emit.scalar(Infinity)]);
    return emit.node("Cast", [never], { to: ELEMENT.int64 });
  });
  const shape = type.shape.length === 0
    ? emit.node("Slice", [zero, emit.int64s([0]), emit.int64s([0])])
    : emit.node("Add", [emit.sizes(type.shape), zero]);
  const late = emit.node("Reshape", [x, shape], { allowzero: 1 });
  emit.describe(late, type);
  return late;
}

/** The first element of a value, `[1]`. */
function firstOf(emit: Emitter, { name, rank }: AwaitedValue): string {
  return emit.once(`first of ${name}`, () => {
    const each = (value: number) => emit.int64s(new Array<number>(rank).fill(value));
    const corner = rank === 0 ? name : emit.node("Slice", [name, each(0), each(1)]);
    return emit.node("Reshape", [corner, emit.int64s([1])]);
  });
}
