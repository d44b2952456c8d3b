/** What is trained and evaluated: a frozen model, adapters on it, and a router beside it. */

import {
  type DecideContext,
  type DecoderModel,
  type ParamSpecs,
  type Program,
  type Router,
} from "../contracts/mod.ts";
import { input } from "../graph/mod.ts";
import {
  baseNodes,
  type BasePrecision,
  inputNodes,
  loraAdapters,
  type LoraOptions,
  loraParams,
  ParamNodes,
} from "../nn/mod.ts";
import { bypassParams, leadingPrompt, type Reading, type Routing, siteOf } from "../routing/mod.ts";
import { floats, type HostTensor, type RandomStream } from "../tensor/mod.ts";

/** Tokens to learn from. */
export interface Batch {
  /** int32 `[B, T]` */
  readonly tokens: HostTensor;
  /** int32 `[B, T]`: the token after each. */
  readonly targets: HostTensor;
  /** float32 `[B, T]`: 1 for real tokens, 0 for padding. */
  readonly tokenMask: HostTensor;
  /** float32 `[B, T]`: 1 for the prompt's tokens; absent: as many as the router counts as such. */
  readonly promptMask?: HostTensor;
}

/** A router and where it sits. */
export interface StudentRouter {
  readonly router: Router;
  readonly anchorLayers: number;
  /** What it is given to read; the state after the anchor layers unless told. */
  readonly reads?: Reading;
  /** Rank of the adapters of skipped tokens; none unless told. */
  readonly bypassRank?: number;
}

/** What is trained, and how it is put together. */
export interface StudentOptions {
  readonly model: DecoderModel;
  /** Adapters on the frozen model; absent: the whole model is trained. */
  readonly lora?: LoraOptions;
  /** Absent: full depth. */
  readonly router?: StudentRouter;
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** How the frozen model is kept; float32 unless told. */
  readonly basePrecision?: BasePrecision;
}

/** Declares what belongs to the router: its own parameters, and adapters of skipped tokens. */
export function routingParams({ model, router }: StudentOptions): ParamSpecs {
  if (!router) return {};
  const { anchorLayers, bypassRank = 0 } = router;
  return {
    ...router.router.params(siteOf(model, anchorLayers)),
    ...bypassParams(model.dims, anchorLayers, bypassRank),
  };
}

/** Declares what `options` trains: adapters and router, or the whole model. */
export function trainableParams(options: StudentOptions): ParamSpecs {
  const { model, lora } = options;
  return { ...(lora ? loraParams(model, lora) : model.params()), ...routingParams(options) };
}

/** How a pass finds the adapters of skipped tokens, if there are any. */
export function bypassOf(router: StudentRouter, params: ParamNodes): { bypass?: ParamNodes } {
  return router.bypassRank ? { bypass: params } : {};
}

/**
 * How a router decides in a pass over `[B, T]`, with an input for all that a decision may depend on.
 *
 * @param params where the router's parameters and the adapters of skipped tokens are
 */
export function routingNodes(
  model: DecoderModel,
  router: StudentRouter,
  params: ParamNodes,
  shape: readonly [batch: number, length: number],
  mode: DecideContext["mode"],
): Routing {
  const { routableLayers } = siteOf(model, router.anchorLayers);
  return {
    ...router,
    ...bypassOf(router, params),
    params,
    context: {
      ...(mode === "eval"
        ? { mode, threshold: input("threshold", []) }
        : { mode, temperature: input("temperature", []) }),
      tokenMask: input("tokenMask", shape),
      promptMask: input("promptMask", shape),
      noise: input("noise", [...shape, routableLayers]),
      targetSkip: input("targetSkip", []),
    },
  };
}

/** The parameters of a student as nodes, with its adapters and without. */
export function studentNodes(options: StudentOptions, training: boolean) {
  const { model, lora, basePrecision = "float32" } = options;
  const trainable = inputNodes(trainableParams(options));
  const base = new ParamNodes({ ...baseNodes(model, basePrecision), ...trainable });
  const student = lora ? base.withAdapters(loraAdapters(model, lora, trainable, training)) : base;
  return { trainable, base, student };
}

/**
 * Uniform noise for gates, where a program asks for it.
 *
 * @param shape that of this run, where the program leaves it open
 */
export function gateNoise(
  { inputs }: Pick<Program, "inputs">,
  random: RandomStream,
  shape = inputs.get("noise")?.shape,
): Record<string, HostTensor> {
  if (!inputs.has("noise") || !shape) return {};
  const noise = floats(shape);
  for (let i = 0; i < noise.data.length; i++) noise.data[i] = random.uniform();
  return { noise };
}

/** Which tokens are the prompt, where a program asks for it. */
export function promptFeed(
  { inputs }: Pick<Program, "inputs">,
  { router }: StudentOptions,
  batch: Batch,
): Record<string, HostTensor> {
  const wanted = inputs.get("promptMask");
  if (!wanted) return {};
  const [rows, length] = wanted.shape as [number, number];
  const leading = () => leadingPrompt(rows, length, router?.router.promptTokens ?? 0);
  return { promptMask: batch.promptMask ?? leading() };
}
