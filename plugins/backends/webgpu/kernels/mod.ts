/** The kernels of operations that are not worked out where they are read. */

import { type Node, type OpName } from "../../../../core/graph/mod.ts";
import { isInline } from "../wgsl/expressions.ts";
import { ATTENTION, attention } from "./attention.ts";
import { writeChoice, writeElements, writeParts } from "./elements.ts";
import { matmul } from "./matmul/mod.ts";
import { type KernelList } from "./plan.ts";
import { reduceSum } from "./reduce.ts";
import { crossEntropy, inverseRms, klDivergence, logSoftmax, rmsNorm, softmax } from "./rows.ts";
import {
  countUp,
  cumulativeSum,
  nonZero,
  putRows,
  scatterRows,
  writeCounting,
} from "./selection.ts";

/** Adds the steps that compute a node, and says where its value is. */
export type Kernels = (list: KernelList, node: Node) => void;

const kernels: Readonly<Partial<Record<OpName | typeof ATTENTION.name, Kernels>>> = {
  attention,
  matmul,
  reduceSum,
  softmax,
  logSoftmax,
  crossEntropy,
  klDivergence,
  rmsNorm,
  inverseRms,
  nonZero,
  cumulativeSum,
  putRows,
  scatterRows,
  concat: writeParts,
  choose: writeChoice,
  countUp: writeCounting,
};

/** How a node is computed that is kept in memory. */
export function kernelOf(node: Node): Kernels {
  const own = kernels[node.op.name as keyof typeof kernels] ??
    (isInline(node) ? writeElements : undefined);
  if (!own) throw new TypeError(`The webgpu backend has no operation "${node.op.name}"`);
  return own;
}

/** What has to be counted of a node although it is not kept. */
export { countUp as countOnly };
