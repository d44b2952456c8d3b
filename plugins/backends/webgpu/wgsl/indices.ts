/** Where an element stands: by its place in memory order, or along each axis. */

import { isRuntimeSize, type Shape } from "../../../../core/tensor/mod.ts";
import { type KernelWriter } from "./writer.ts";

/** An element of a tensor of this shape; either form follows from the other. */
export type Index =
  & { readonly shape: Shape }
  & ({ readonly flat: string } | { readonly coordinates: readonly string[] });

/** A text that tells an index from others of its shape. */
export function keyOf(index: Index): string {
  return "flat" in index ? index.flat : index.coordinates.join(",");
}

/** The place in memory order. */
export function flatOf(kernel: KernelWriter, index: Index): string {
  if ("flat" in index) return index.flat;
  const { shape, coordinates } = index;
  return kernel.once(`flat ${shape} ${coordinates}`, () => {
    let sum = "0u";
    coordinates.forEach((at, axis) => {
      const scaled = sum === "0u" ? sum : `${sum} * ${kernel.size(shape[axis]!)}`;
      sum = scaled === "0u" ? at : at === "0u" ? scaled : `(${scaled} + ${at})`;
    });
    return kernel.let(sum);
  });
}

/** The place along each axis. */
export function coordinatesOf(kernel: KernelWriter, index: Index): readonly string[] {
  if ("coordinates" in index) return index.coordinates;
  return split(kernel, index.flat, index.shape);
}

/** Place `flat` in a tensor of this shape, along each axis. */
export function split(kernel: KernelWriter, flat: string, shape: Shape): string[] {
  const long = shape.flatMap((size, axis) => size === 1 ? [] : [axis]);
  const coordinates = shape.map(() => "0u");
  let rest = flat;
  long.toReversed().forEach((axis, i) => {
    const isFirst = i === long.length - 1;
    const inner = shape.slice(axis).join(",");
    const size = kernel.size(shape[axis]!);
    const before = rest;
    coordinates[axis] = isFirst
      ? before
      : kernel.once(`at ${flat} of ${inner}`, () => kernel.let(`${before} % ${size}`));
    if (isFirst) return;
    rest = kernel.once(`before ${flat} of ${inner}`, () => kernel.let(`${before} / ${size}`));
  });
  return coordinates;
}

/** The element of a tensor of shape `from` that `index` reads, where it is broadcast. */
export function broadcastIndex(kernel: KernelWriter, index: Index, from: Shape): Index {
  if (from.length === index.shape.length && from.every((size, i) => size === index.shape[i])) {
    return index;
  }
  if (from.every((size) => size === 1)) return { shape: from, flat: "0u" };
  const lead = index.shape.length - from.length;
  if (lead >= 0 && from.every((size, i) => size === index.shape[lead + i]) && "flat" in index) {
    // The last axes as they are: what comes before them repeats.
    const count = kernel.count(from);
    const flat = kernel.once(
      `${index.flat} within ${from}`,
      () => kernel.let(`${index.flat} % ${count}`),
    );
    return { shape: from, flat };
  }
  const coordinates = coordinatesOf(kernel, index);
  return {
    shape: from,
    coordinates: from.map((size, axis) => size === 1 ? "0u" : coordinates[lead + axis]!),
  };
}

/** Elements of a shape, as far as it is known when a program is made. */
export function knownSize(shape: Shape): number | undefined {
  return shape.some(isRuntimeSize) ? undefined : shape.reduce((a, b) => a * b, 1);
}
