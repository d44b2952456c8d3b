/** What a program is made of once it is lowered: values in memory, and steps that make them. */

import { type HostTensor, type TensorType } from "../../../core/tensor/mod.ts";
import { type Interval } from "./ranges.ts";
import { type SizeValues } from "./sizes.ts";
import { type KernelText } from "./writer.ts";

/** Something that has memory of its own while a program runs. */
export interface Value {
  readonly id: number;
  readonly type: TensorType;
  readonly origin:
    | { readonly kind: "input"; readonly name: string }
    | { readonly kind: "constant"; readonly tensor: HostTensor }
    | { readonly kind: "made" };
}

/** How many workgroups run, by what sizes are, or are at most. */
export type Groups = (sizes: SizeValues) => readonly [x: number, y: number, z: number];

/** Runs a kernel. */
export interface Dispatch extends KernelText {
  readonly kind: "dispatch";
  /** What it is for, for messages. */
  readonly label: string;
  readonly groups: Groups;
}

/** A size that a kernel has found: how large it may be, so that memory can be had for it. */
export interface FoundSize {
  readonly kind: "size";
  readonly name: string;
  /** Undefined where it has to be asked for. */
  readonly most: (known: Known) => number | undefined;
}

/** What is known on the host in a run. */
export interface Known {
  readonly sizes: SizeValues;
  /** The range of the numbers that an input was fed; undefined where that is not at hand. */
  rangeOf(input: string): Interval | undefined;
}

/** What happens in a run, in order. */
export type Step = Dispatch | FoundSize;

/** A program, lowered. */
export interface Lowered {
  readonly steps: readonly Step[];
  readonly values: readonly Value[];
  /** Named sizes and choices, by their place in the memory that kernels read them from. */
  readonly slots: readonly string[];
  /** Where each output is, and its type: its memory may have room for more. */
  readonly outputs: ReadonlyMap<string, { readonly value: Value; readonly type: TensorType }>;
}
