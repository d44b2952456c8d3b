/**
 * dlr: dynamic layer routing. Teach a pretrained language model to skip decoder layers per token.
 *
 * This module is what plugins are written against, and all that they need: models, routers, tasks,
 * corpora, backends and launchers. It is grouped by what it is for. A plugin is a module whose default
 * export {@link definePlugin} made:
 *
 * ```ts
 * import { definePlugin, greater, gumbelGates, linear } from "@dlr/dlr";
 * import { z } from "zod";
 *
 * export default definePlugin({
 *   name: "my-routers",
 *   routers: [{
 *     name: "one-layer",
 *     description: "decides by one linear layer",
 *     options: z.strictObject({ bias: z.number().default(2) }),
 *     create: ({ bias }) => ({
 *       name: "one-layer",
 *       decidesBy: "state",
 *       params: ({ hiddenSize, routableLayers }) => ({
 *         "gate.weight": {
 *           shape: [routableLayers, hiddenSize],
 *           init: { kind: "normal", std: 0.02 },
 *         },
 *         "gate.bias": { shape: [routableLayers], init: { kind: "constant", value: bias } },
 *       }),
 *       decide(params, anchor, _site, context) {
 *         const logits = linear(params, "gate", anchor);
 *         const gates = context.mode === "train"
 *           ? gumbelGates(logits, context.noise, context.temperature)
 *           : greater(logits, context.threshold);
 *         return { gates, logits };
 *       },
 *     }),
 *   }],
 * });
 * ```
 *
 * Letters in shapes: B sequences, T tokens, R rows, S memory positions, D width, V vocabulary, L'
 * blocks that may be skipped.
 *
 * **What stays as it is.** Names that this module exports keep their meaning within a major version
 * (semantic versioning; before 1.0, within a minor one). {@link PLUGIN_API} is the version of the
 * interfaces that plugins implement: it rises when a plugin that was right would not be any more, and
 * dlr refuses a plugin of another version. New optional members, new operations and new exports may
 * come with any version; so a backend must expect operations that it does not know, and refuse them by
 * name. The wording of messages, the numbers that a random stream of the framework's own gives, and
 * everything that is reached by a path below `core/` or `plugins/` may change without notice.
 *
 * @module
 */

// A plugin: what it brings, and the errors that it raises.
export {
  type DefinedPlugin,
  definePlugin,
  type NamedModel,
  type OpenBackend,
  type OpenCorpus,
  type Plugin,
  PLUGIN_API,
  type Scale,
} from "./core/contracts/plugin.ts";
export { Interrupted, PluginFault, UserError } from "./core/contracts/errors.ts";
export type { Repositories, Repository } from "./core/contracts/repositories.ts";

// A model: a decoder cut at its layer boundaries.
export type {
  Adapter,
  DecoderModel,
  Init,
  KeysValues,
  Memory,
  ModelDims,
  ModelKind,
  Packing,
  Params,
  ParamSpec,
  ParamSpecs,
} from "./core/contracts/model.ts";
// … and the parts that it is built from.
export {
  attention,
  type AttentionOptions,
  causalMask,
  MASKED,
  splitHeads,
} from "./core/nn/attention.ts";
export { linear } from "./core/nn/linear.ts";
export {
  type Activation,
  ACTIVATION_NAMES,
  ACTIVATIONS,
  geluTanh,
  relu,
  softcap,
} from "./core/nn/activations.ts";
export { layerNorm } from "./core/nn/norm.ts";
export { ropeFrequencies, type RopeTables, ropeTables } from "./core/nn/rope_tables.ts";
export type { RopeScaling } from "./core/contracts/rope.ts";
export {
  drawn,
  filled,
  initialize,
  inputNodes,
  ParamNodes,
  type Weights,
} from "./core/nn/params.ts";
// … and what is read of its config.json.
export {
  type ConfigField,
  type ConfigFields,
  type FieldValue,
  flag,
  listOf,
  type NumberField,
  oneOf,
  positive,
  readFields,
  share,
  size,
} from "./core/io/config_fields.ts";
export { readRope, readRotaryShare } from "./core/io/rope_config.ts";

// Options and rows are described with zod, which a plugin imports for itself.
export type { ObjectSchema, Schema, SchemaIssue, SchemaResult } from "./core/contracts/schema.ts";

// A router: gates from a hidden state.
export type { DecideContext, Decision, Router, RouterKind, Site } from "./core/contracts/router.ts";
// … small perceptrons that score blocks, decisions about whole sequences, gates from log-odds.
export { mlp, mlpParams, type MlpStart, taperedWidths } from "./core/nn/mlp.ts";
export { afterPrompt, CERTAIN, pooledState } from "./core/routing/prompt.ts";
export {
  bernoulliGates,
  bernoulliLogProbability,
  gumbelGates,
  logisticNoise,
} from "./core/routing/sampling.ts";
export { layerActivity } from "./core/routing/penalties.ts";

// A task: questions as text, and what answers are worth.
export type {
  Aggregation,
  Metric,
  MetricValue,
  Scored,
  ShotRule,
  Task,
  TaskAnswer,
  TaskDataset,
  TaskGroup,
  TaskRequest,
  TaskRow,
} from "./core/contracts/task.ts";
// … tasks of the usual shapes, and text as lm-evaluation-harness takes it.
export {
  checkedRow,
  choiceTask,
  type ChoiceTaskSpec,
  generationTask,
  type GenerationTaskSpec,
  perplexityTask,
  type PerplexityTaskSpec,
  type TaskFacts,
} from "./core/eval/harness/task_kinds.ts";
export {
  capitalize,
  codePoints,
  piecesBetweenSpace,
  PYTHON_SPACE,
  strip,
} from "./core/eval/python_text.ts";

// A corpus: documents to train on.
export type { ChoiceQuestion, Corpus, Document, Span, Split } from "./core/contracts/corpus.ts";

// A backend: what runs graphs.
export type {
  Backend,
  BackendOptions,
  CompileOptions,
  DeviceTensor,
  ExportedModel,
  ExportOptions,
  Feeds,
  Program,
  WeightFormat,
} from "./core/contracts/backend.ts";
// … every operation that it lowers, with its settings, and walks over what it is given.
export { type AttrsOf, type OpName, ops } from "./core/graph/ops/mod.ts";
export { type MatmulAttrs, type MatmulSizes, matmulSizes } from "./core/graph/ops/matmul.ts";
export { inputsOf, matmulFlops, printGraph, topologicalOrder } from "./core/graph/walk.ts";
export { constantValue, inputName } from "./core/graph/ops/source.ts";
// … sizes that are known only when a program runs.
export {
  bindShape,
  isRuntimeSize,
  resolveShape,
  resolveSize,
  runtimeSize,
  showSize,
  type SizeBindings,
  type SizeTerms,
  sizeTerms,
  sumOfSizes,
} from "./core/tensor/sizes.ts";
// … weights in four-bit blocks.
export {
  BLOCK_LEVELS,
  BLOCK_SIZE,
  type BlockFormat,
  type Blocks,
  dequantizeBlocks,
  emptyBlocks,
  quantizeInto,
} from "./core/tensor/blocks.ts";

// A launcher: what runs the trials of a sweep.
export type {
  Launcher,
  LauncherKind,
  LaunchEvents,
  QueuedTrial,
  Stop,
  SweepFolder,
  Trial,
  TrialEnd,
} from "./core/contracts/launcher.ts";

// Tensors in memory, and random numbers that are a function of their seed.
export { pickRows, type RowRange, rowsIn } from "./core/tensor/rows.ts";
export {
  type DType,
  sameShape,
  type Shape,
  showType,
  sizeOf,
  stridesOf,
  type TensorType,
} from "./core/tensor/dtype.ts";
export {
  bytes,
  floats,
  type FloatTensor,
  type HostTensor,
  ints,
  type TensorData,
} from "./core/tensor/host.ts";
export { hashName, RandomStream } from "./core/tensor/random.ts";

// Graphs: values, the operations on them, and gradients.
export {
  type GradientContext,
  GraphError,
  type Node,
  type OpDef,
  shapeOf,
} from "./core/graph/node.ts";
export { constant, input, scalar } from "./core/graph/ops/source.ts";
export {
  add,
  div,
  erf,
  exp,
  gelu,
  greater,
  log,
  mul,
  neg,
  scale,
  sigmoid,
  silu,
  sqrt,
  sub,
  tanh,
} from "./core/graph/ops/elementwise.ts";
export { matmul, matmulRows } from "./core/graph/ops/matmul.ts";
export { mean, reduceSum } from "./core/graph/ops/reduce.ts";
export { inverseRms, rmsNorm } from "./core/graph/ops/norm.ts";
export { rope } from "./core/graph/ops/rope.ts";
export { crossEntropy, klDivergence, logSoftmax, softmax } from "./core/graph/ops/softmax.ts";
export { broadcastTo, concat, pad, reshape, slice, transpose } from "./core/graph/ops/movement.ts";
export { addAtLast, gatherRows, scatterRows, takeLast } from "./core/graph/ops/index.ts";
export { choose, countUp, cumulativeSum, nonZero, putRows } from "./core/graph/ops/selection.ts";
export { dequantize, type DequantizeAttrs } from "./core/graph/ops/blocks.ts";
export { takeRows } from "./core/graph/ops/rows.ts";
// … what gradients make of them.
export { gradients } from "./core/graph/gradient.ts";
export { checkpoint, withGradient } from "./core/graph/ops/recompute.ts";
export { after, cast, stopGradient, straightThrough } from "./core/graph/ops/control.ts";
