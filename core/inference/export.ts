/** A model with its router as one file that other software runs. */

import { type ExportedModel, UserError, type WeightFormat } from "../contracts/mod.ts";
import { inputsOf, type Node, topologicalOrder } from "../graph/mod.ts";
import { floats } from "../tensor/mod.ts";
import { type InferenceModel, routedLayers, routingOf } from "./inference_model.ts";
import { isMemory, passGraph } from "./pass_graph.ts";
import { checkWeightFormat } from "./weight_format.ts";

/** How a model is exported. */
export interface ModelExportOptions {
  readonly weightFormat: WeightFormat;
  /** The file that weights go to; absent: into the model's own. */
  readonly dataFile?: string | undefined;
}

/**
 * The model as a program that reads any number of tokens after any number of earlier ones. Inputs and
 * outputs are those of `passGraph`, but that keys and values of the tokens are called `new.` instead
 * of `memory.`; `PassKind.standsAlone` says what it is told besides.
 *
 * @throws {UserError} where its backend has no format for that or for weights so kept, or its router cannot stand alone.
 */
export function exportModel(
  own: InferenceModel,
  { weightFormat, dataFile }: ModelExportOptions,
): ExportedModel {
  const { backend, student, point } = own;
  if (!backend.exportModel) {
    throw new UserError(
      `The backend ${backend.name} has no file format for models: use --backend onnx`,
    );
  }
  checkWeightFormat(backend, weightFormat);
  const graph = passGraph(own, {
    past: "own",
    answers: "logits",
    keepsMemory: true,
    standsAlone: true,
  });
  const outputs: Record<string, Node> = {};
  for (const [name, node] of Object.entries(graph)) {
    outputs[isMemory(name) ? name.replace("memory", "new") : name] = node;
  }
  const inputs = inputsOf(topologicalOrder(Object.values(outputs)));
  if (inputs.has("noise")) {
    throw new UserError(
      `The router ${student.router?.router.name} draws at random as it runs, which a file cannot: ` +
        "export the model with --depth fullDepth",
    );
  }
  const { numLayers, numKeyValueHeads, headDim, vocabSize, maxPositions } = student.model.dims;
  const { threshold = 0, targetSkip = 0 } = point ?? {};
  return backend.exportModel(outputs, {
    constants: {
      ...own.weights,
      threshold: floats([], [threshold]),
      targetSkip: floats([], [targetSkip]),
    },
    weightFormat,
    dataFile,
    about: {
      format: "dlr",
      layers: String(numLayers),
      anchor_layers: String(own.depth === "routed" ? student.router!.anchorLayers : numLayers),
      routed_layers: String(routedLayers(own)),
      router: own.depth === "routed" ? student.router!.router.name : "none",
      decides_for_sequences: String(routingOf(own).promptTokens > 0),
      kv_heads: String(numKeyValueHeads),
      head_dim: String(headDim),
      vocab_size: String(vocabSize),
      max_positions: String(maxPositions),
      weights: weightFormat,
    },
  });
}
