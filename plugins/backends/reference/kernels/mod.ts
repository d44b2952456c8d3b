/** The kernel of every operation. The type of the table names the one that is missing. */

import { type OpName } from "../../../../core/graph/mod.ts";
import { type Kernel } from "../kernel.ts";
import * as control from "./control.ts";
import * as elementwise from "./elementwise.ts";
import * as index from "./index.ts";
import { matmul } from "./matmul.ts";
import * as movement from "./movement.ts";
import * as norm from "./norm.ts";
import * as selection from "./selection.ts";
import * as softmax from "./softmax.ts";

/** Operations that compute something; inputs are fed. */
export type ComputedOp = Exclude<OpName, "input">;

/** How each operation is computed. */
export const kernels: { readonly [K in ComputedOp]: Kernel<K> } = {
  constant: control.constant,
  add: elementwise.add,
  sub: elementwise.sub,
  mul: elementwise.mul,
  div: elementwise.div,
  greater: elementwise.greater,
  neg: elementwise.neg,
  exp: elementwise.exp,
  log: elementwise.log,
  sqrt: elementwise.sqrt,
  erf: elementwise.erfOf,
  sigmoid: elementwise.sigmoid,
  tanh: elementwise.tanh,
  silu: elementwise.silu,
  reduceSum: movement.reduceSum,
  matmul,
  reshape: movement.reshape,
  transpose: movement.transpose,
  broadcastTo: movement.broadcastTo,
  slice: movement.slice,
  pad: movement.pad,
  concat: movement.concat,
  gatherRows: index.gatherRows,
  scatterRows: index.scatterRows,
  takeLast: index.takeLast,
  addAtLast: index.addAtLast,
  nonZero: selection.nonZero,
  countUp: selection.countUp,
  putRows: selection.putRows,
  cumulativeSum: selection.cumulativeSum,
  choose: selection.choose,
  softmax: softmax.softmax,
  logSoftmax: softmax.logSoftmax,
  crossEntropy: softmax.crossEntropy,
  klDivergence: softmax.klDivergence,
  rmsNorm: norm.rmsNorm,
  inverseRms: norm.inverseRms,
  rope: norm.rope,
  stopGradient: control.stopGradient,
  straightThrough: control.straightThrough,
  cast: control.cast,
  after: control.after,
  checkpoint: control.checkpoint,
  withGradient: control.withGradient,
  dequantize: control.dequantize,
};
