/**
 * The closed set of operations. A backend lowers each of them; its table is keyed by `OpName`, so
 * the compiler names what a new operation lacks.
 */

import { type OpDef } from "../node.ts";
import * as blocks from "./blocks.ts";
import * as control from "./control.ts";
import * as elementwise from "./elementwise.ts";
import * as index from "./index.ts";
import * as matmul from "./matmul.ts";
import * as movement from "./movement.ts";
import * as norm from "./norm.ts";
import * as recompute from "./recompute.ts";
import * as reduce from "./reduce.ts";
import * as rope from "./rope.ts";
import * as selection from "./selection.ts";
import * as softmax from "./softmax.ts";
import * as source from "./source.ts";

/** Every operation there is, by name. */
export const ops = {
  input: source.inputOp,
  constant: source.constantOp,
  add: elementwise.addOp,
  sub: elementwise.subOp,
  mul: elementwise.mulOp,
  div: elementwise.divOp,
  greater: elementwise.greaterOp,
  neg: elementwise.negOp,
  exp: elementwise.expOp,
  log: elementwise.logOp,
  sqrt: elementwise.sqrtOp,
  erf: elementwise.erfOp,
  sigmoid: elementwise.sigmoidOp,
  tanh: elementwise.tanhOp,
  silu: elementwise.siluOp,
  reduceSum: reduce.reduceSumOp,
  matmul: matmul.matmulOp,
  reshape: movement.reshapeOp,
  transpose: movement.transposeOp,
  broadcastTo: movement.broadcastToOp,
  slice: movement.sliceOp,
  pad: movement.padOp,
  concat: movement.concatOp,
  gatherRows: index.gatherRowsOp,
  scatterRows: index.scatterRowsOp,
  takeLast: index.takeLastOp,
  addAtLast: index.addAtLastOp,
  nonZero: selection.nonZeroOp,
  countUp: selection.countUpOp,
  putRows: selection.putRowsOp,
  cumulativeSum: selection.cumulativeSumOp,
  choose: selection.chooseOp,
  softmax: softmax.softmaxOp,
  logSoftmax: softmax.logSoftmaxOp,
  crossEntropy: softmax.crossEntropyOp,
  klDivergence: softmax.klDivergenceOp,
  rmsNorm: norm.rmsNormOp,
  inverseRms: norm.inverseRmsOp,
  rope: rope.ropeOp,
  stopGradient: control.stopGradientOp,
  straightThrough: control.straightThroughOp,
  cast: control.castOp,
  after: control.afterOp,
  checkpoint: recompute.checkpointOp,
  withGradient: recompute.withGradientOp,
  dequantize: blocks.dequantizeOp,
} as const;

/** Name of an operation. */
export type OpName = keyof typeof ops;

/** Settings of the operation with this name. */
export type AttrsOf<K extends OpName> = (typeof ops)[K] extends OpDef<string, infer Attrs> ? Attrs
  : never;

export { add, div, erf, exp, gelu, greater, log, mul, neg, scale } from "./elementwise.ts";
export { sigmoid, silu, sqrt, sub, tanh } from "./elementwise.ts";
export { mean, reduceSum } from "./reduce.ts";
export { matmul, type MatmulAttrs, matmulRows, matmulSizes } from "./matmul.ts";
export { broadcastTo, concat, pad, reshape, slice, transpose } from "./movement.ts";
export { addAtLast, gatherRows, scatterRows, takeLast } from "./index.ts";
export { choose, countUp, cumulativeSum, nonZero, putRows } from "./selection.ts";
export { crossEntropy, klDivergence, logSoftmax, softmax } from "./softmax.ts";
export { inverseRms, rmsNorm } from "./norm.ts";
export { rope } from "./rope.ts";
export { takeRows } from "./rows.ts";
export { dequantize, type DequantizeAttrs } from "./blocks.ts";
export { checkpoint, withGradient } from "./recompute.ts";
export { after, cast, stopGradient, straightThrough } from "./control.ts";
export { constant, constantValue, input, inputName, scalar } from "./source.ts";
