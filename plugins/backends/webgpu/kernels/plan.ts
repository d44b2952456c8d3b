/** What kernels are told, and what they may ask for. */

import { type Node } from "../../../../core/graph/mod.ts";
import { type TensorType } from "../../../../core/tensor/mod.ts";
import { type Expressions } from "../wgsl/expressions.ts";
import { type SizeValues } from "../wgsl/sizes.ts";
import { type Value } from "../wgsl/value.ts";
import { type KernelWriter, MOST_GROUPS } from "../wgsl/writer.ts";
import { type Known } from "./ranges.ts";

/** How many workgroups run, by what sizes are, or are at most. */
export type Groups = (sizes: SizeValues) => readonly [x: number, y: number, z: number];

/** A kernel to be written. */
export interface KernelPlan {
  /** What it is, for messages. */
  readonly label: string;
  /** Invocations of a workgroup; the usual number unless told. */
  readonly invocations?: number;
  readonly groups: Groups;
  readonly write: (kernel: KernelWriter, all: Expressions) => void;
}

/** A size that a kernel has found: how large it may be, so that memory can be had for it. */
export interface FoundSize {
  readonly kind: "size";
  readonly name: string;
  /** Undefined where it has to be asked for. */
  readonly most: (known: Known) => number | undefined;
}

/** Through the memory of a workgroup, or, where that is slow, through registers alone. */
export type Tiles = "shared" | "registers";

/** Takes the kernels of a program, in order. */
export interface KernelList {
  /** How products go through their operands. */
  readonly tiles: Tiles;
  /** Memory for what kernels make. */
  make(type: TensorType): Value;
  /** From here on a node is read from there. */
  store(node: Node, value: Value): void;
  /** Adds a kernel, in the branch that its node belongs to. */
  run(plan: KernelPlan): void;
  /** As {@link run}, but only where a choice has fallen on this side. */
  runWhere(choice: Node, side: 0 | 1, plan: KernelPlan): void;
  /** Notes that a kernel has found a size, or may have. */
  found(size: FoundSize): void;
}

/** One workgroup for each of `count`, over two axes where one would not do. */
export function spread(count: number): [number, number, number] {
  return [Math.min(count, MOST_GROUPS), Math.ceil(count / MOST_GROUPS), 1];
}

/** The number of a workgroup of {@link spread}. */
export const GROUP = `group.y * ${MOST_GROUPS}u + group.x`;
