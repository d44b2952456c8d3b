/** What a program is made of once it is lowered: values in memory, and steps that make them. */

import { type TensorType } from "../../../../core/tensor/mod.ts";
import { type FoundSize, type Groups } from "../kernels/plan.ts";
import { type Value } from "../wgsl/value.ts";
import { type KernelText } from "../wgsl/writer.ts";

/** Runs a kernel. */
export interface Dispatch extends KernelText {
  readonly kind: "dispatch";
  /** What it is for, for messages. */
  readonly label: string;
  readonly groups: Groups;
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
