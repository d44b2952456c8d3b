/**
 * How each operation is said in ONNX (opset 21 and ONNX Runtime's contrib operators). The table is
 * exhaustive: the compiler names an operation that lacks a rule.
 */

import {
  type AttrsOf,
  type MatmulAttrs,
  matmulSizes,
  type Node,
  type OpName,
  shapeOf,
} from "../../../core/graph/mod.ts";
import { emitQuantizedProduct } from "./blocks.ts";
import { type Emitter } from "./emitter.ts";
import { type OnnxAttrs } from "./values.ts";
import { ELEMENT } from "./proto.ts";
import { emitAfter } from "./waiting.ts";

/** Says one operation, given the names of its inputs, and returns the name of its value. */
export type Rule<K extends OpName> = (
  emit: Emitter,
  inputs: readonly string[],
  attrs: AttrsOf<K>,
  node: Node,
) => string;

const plain = (opType: string): Rule<OpName> => (emit, inputs) => emit.node(opType, inputs);

/** Operations that only matter to gradients are their first input. */
const alias: Rule<OpName> = (_emit, [x]) => x!;

const shapeOfInput = (node: Node, i: number) => shapeOf(node.inputs[i]!);

/** `[...]` to `[..., 1]`: the operators that index want a column. */
function column(emit: Emitter, name: string, node: Node): string {
  return emit.once(
    `column ${name}`,
    () => emit.node("Reshape", [name, emit.sizes([...shapeOf(node), 1])]),
  );
}

/** int32 indices as the int64 that some operators insist on. */
function int64(emit: Emitter, name: string): string {
  return emit.once(`as int64 ${name}`, () => emit.node("Cast", [name], { to: ELEMENT.int64 }));
}

/** int64 places as the int32 that a graph has. */
function int32(emit: Emitter, name: string): string {
  const places = emit.node("Cast", [name], { to: ELEMENT.int32 });
  emit.remember(`as int64 ${places}`, name);
  return places;
}

function logSoftmax(emit: Emitter, logits: string): string {
  return emit.once(`logSoftmax ${logits}`, () => emit.node("LogSoftmax", [logits], { axis: -1 }));
}

/** Where the logarithm is known already, its exponential is the cheaper way. */
function softmax(emit: Emitter, logits: string): string {
  return emit.once(`softmax ${logits}`, () => {
    const log = emit.recall(`logSoftmax ${logits}`);
    return log ? emit.node("Exp", [log]) : emit.node("Softmax", [logits], { axis: -1 });
  });
}

const fusedAttrs = (transA: boolean, transB: boolean, alpha: number): OnnxAttrs => ({
  transA: Number(transA),
  transB: Number(transB),
  alpha: { float: alpha },
});

/** Below this many columns, {@link productTurned} measures faster. */
const FEW_COLUMNS = 64;

/**
 * A batched product whose left matrices are stored transposed, computed as (op(B)^T A)^T. ONNX
 * Runtime repacks every transposed left matrix; with few columns (attention weights by values of one
 * narrow head) that takes as long as the product itself, and the other way round it is the small
 * matrix that is repacked.
 */
function productTurned(
  emit: Emitter,
  [a, b]: readonly string[],
  { transB, alpha }: MatmulAttrs,
  node: Node,
): string {
  const turned = emit.contrib("FusedMatMul", [b!, a!], fusedAttrs(!transB, false, alpha));
  const rank = shapeOf(node).length;
  const perm = Array.from({ length: rank }, (_, axis) => axis);
  perm.splice(rank - 2, 2, rank - 1, rank - 2);
  return emit.node("Transpose", [turned], { perm });
}

function product(
  emit: Emitter,
  inputs: readonly string[],
  attrs: MatmulAttrs,
  node: Node,
): string {
  const { transA, transB, alpha } = attrs;
  if (!transA && !transB && alpha === 1) return emit.node("MatMul", inputs);
  const [a, b] = node.inputs as [Node, Node];
  const { rows, columns } = matmulSizes(a.type, b.type, attrs);
  const batched = shapeOf(node).length > 2;
  return batched && transA && columns < FEW_COLUMNS && columns < rows
    ? productTurned(emit, inputs, attrs, node)
    : emit.contrib("FusedMatMul", inputs, fusedAttrs(transA, transB, alpha));
}

const elementwise = {
  add: plain("Add"),
  sub: plain("Sub"),
  mul: plain("Mul"),
  div: plain("Div"),
  greater: (emit, inputs) =>
    emit.node("Cast", [emit.node("Greater", inputs)], { to: ELEMENT.float32 }),
  neg: plain("Neg"),
  exp: plain("Exp"),
  log: plain("Log"),
  sqrt: plain("Sqrt"),
  erf: plain("Erf"),
  sigmoid: plain("Sigmoid"),
  tanh: plain("Tanh"),
  silu: (emit, inputs) => emit.contrib("QuickGelu", inputs, { alpha: { float: 1 } }),
  stopGradient: alias,
  checkpoint: alias,
  withGradient: alias,
  after: (emit, [x, ...awaited], _attrs, node) =>
    emitAfter(
      emit,
      x!,
      node.type,
      awaited.map((name, i) => ({ name, rank: shapeOfInput(node, i + 1).length })),
    ),
  straightThrough: alias,
  cast: (emit, inputs, { dtype }) => emit.node("Cast", inputs, { to: ELEMENT[dtype] }),
} satisfies { [K in OpName]?: Rule<K> };

const movement = {
  // An empty list of axes would mean all of them.
  reduceSum: (emit, [x], { axes, keepDims }) =>
    axes.length === 0
      ? x!
      : emit.node("ReduceSum", [x!, emit.int64s(axes)], { keepdims: keepDims ? 1 : 0 }),
  reshape: (emit, [x], { shape }) =>
    emit.node("Reshape", [x!, emit.sizes(shape)], { allowzero: 1 }),
  transpose: (emit, inputs, { permutation }) =>
    emit.node("Transpose", inputs, { perm: permutation }),
  broadcastTo: (emit, [x], { shape }) => emit.node("Expand", [x!, emit.sizes(shape)]),
  slice: (emit, [x], { axis, start, end }) =>
    emit.node("Slice", [x!, emit.sizes([start]), emit.sizes([end]), emit.int64s([axis])]),
  pad(emit, [x], { axis, before, after }, node) {
    // Widths for every axis: ONNX Runtime 1.30 moves transposes past a Pad as if it had no list of
    // axes, and then looks for widths that are not there.
    const zeros = shapeOf(node).map(() => 0);
    return emit.node("Pad", [
      x!,
      emit.int64s([...zeros.with(axis, before), ...zeros.with(axis, after)]),
    ]);
  },
  concat: (emit, inputs, { axis }) => emit.node("Concat", inputs, { axis }),
} satisfies { [K in OpName]?: Rule<K> };

const indexing = {
  gatherRows: (emit, inputs) => emit.node("Gather", inputs, { axis: 0 }),
  scatterRows(emit, [values, ids], _attrs, node) {
    const zeros = emit.node("Expand", [emit.scalar(0), emit.sizes(shapeOf(node))]);
    const index = int64(emit, column(emit, ids!, node.inputs[1]!));
    return emit.node("ScatterND", [zeros, index, values!], { reduction: "add" });
  },
  takeLast(emit, [x, ids], _attrs, node) {
    const taken = emit.node("GatherElements", [x!, column(emit, ids!, node)], { axis: -1 });
    return emit.node("Reshape", [taken, emit.sizes(shapeOf(node))]);
  },
  addAtLast: (emit, [x, ids, values], _attrs, node) =>
    emit.node("ScatterElements", [
      x!,
      column(emit, ids!, node.inputs[1]!),
      column(emit, values!, node.inputs[2]!),
    ], { axis: -1, reduction: "add" }),
} satisfies { [K in OpName]?: Rule<K> };

const contraction = {
  matmul: (emit, [a, b], attrs, node) =>
    node.inputs[1]!.op.name === "dequantize"
      ? emitQuantizedProduct(emit, a!, node, (weight) => product(emit, [a!, weight], attrs, node))
      : product(emit, [a!, b!], attrs, node),
  softmax: (emit, [x]) => softmax(emit, x!),
  logSoftmax: (emit, [x]) => logSoftmax(emit, x!),
  crossEntropy(emit, [logits, targets], _attrs, node) {
    const ids = column(emit, targets!, node);
    const taken = emit.node("GatherElements", [logSoftmax(emit, logits!), ids], { axis: -1 });
    return emit.node("Neg", [emit.node("Reshape", [taken, emit.sizes(shapeOf(node))])]);
  },
  klDivergence(emit, [student, teacher], _attrs, node) {
    const logP = logSoftmax(emit, teacher!);
    const gap = emit.node("Sub", [logP, logSoftmax(emit, student!)]);
    const each = emit.node("Mul", [softmax(emit, teacher!), gap]);
    const last = shapeOfInput(node, 0).length - 1;
    return emit.node("ReduceSum", [each, emit.int64s([last])], { keepdims: 0 });
  },
  rmsNorm(emit, [x, weight], { epsilon }) {
    const attrs = { axis: -1, epsilon: { float: epsilon } };
    const [y, inverse] = emit.nodes("SimplifiedLayerNormalization", [x!, weight!], attrs, 2);
    emit.remember(`inverseRms ${epsilon} ${x}`, inverse!);
    return y!;
  },
  inverseRms: (emit, [x], { epsilon }, node) =>
    emit.once(`inverseRms ${epsilon} ${x}`, () => {
      const last = emit.int64s([shapeOf(node).length - 1]);
      const square = emit.node("Mul", [x!, x!]);
      const mean = emit.node("ReduceMean", [square, last], { keepdims: 1 });
      const root = emit.node("Sqrt", [emit.node("Add", [mean, emit.scalar(epsilon)])]);
      return emit.node("Reciprocal", [root]);
    }),
  rope(emit, [x, positions, cos, sin], { heads }, node) {
    const at = int64(emit, positions!);
    const rotated = 2 * shapeOfInput(node, 2)[1]!;
    const isPart = rotated * heads < shapeOf(node)[2]!;
    return emit.contrib("RotaryEmbedding", [x!, at, cos!, sin!], {
      "num_heads": heads,
      ...(isPart ? { "rotary_embedding_dim": rotated } : {}),
    });
  },
} satisfies { [K in OpName]?: Rule<K> };

const selection = {
  nonZero(emit, [x]) {
    const places = emit.node("NonZero", [x!]); // [1, N]
    return int32(emit, emit.node("Squeeze", [places, emit.int64s([0])]));
  },
  countUp(emit, [limits]) {
    const largest = emit.node("ReduceMax", [limits!], { keepdims: 0 });
    const end = emit.node("Cast", [largest], { to: ELEMENT.int64 });
    return int32(emit, emit.node("Range", [emit.int64(0), end, emit.int64(1)]));
  },
  putRows: (emit, [x, ids, values], _attrs, node) =>
    emit.node("ScatterND", [x!, int64(emit, column(emit, ids!, node.inputs[1]!)), values!]),
  cumulativeSum: (emit, [x], { axis }) => emit.node("CumSum", [x!, emit.int64(axis)]),
} satisfies { [K in OpName]?: Rule<K> };

/** Every operation but choices and those that bring values in (`lower.ts`). */
export const rules: {
  readonly [K in Exclude<OpName, "input" | "constant" | "dequantize" | "choose">]: Rule<K>;
} = {
  ...elementwise,
  ...movement,
  ...indexing,
  ...selection,
  ...contraction,
};
