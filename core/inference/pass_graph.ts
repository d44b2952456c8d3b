/**
 * The graph that a model is run with: a pass over some tokens after earlier ones, whose keys and
 * values were kept. How many sequences, tokens and earlier ones there are is left to each run, so one
 * program reads a prompt, goes on token by token, and scores batches of any length. Blocks that the
 * router skips are not computed.
 */

import { type KeysValues } from "../contracts/mod.ts";
import {
  add,
  broadcastTo,
  cast,
  choose,
  concat,
  constant,
  crossEntropy,
  cumulativeSum,
  gatherRows,
  greater,
  input,
  mul,
  type Node,
  reduceSum,
  reshape,
  scalar,
  scale,
  sub,
  takeLast,
} from "../graph/mod.ts";
import { MASKED } from "../nn/mod.ts";
import { forward, type Places } from "../routing/mod.ts";
import { floats, runtimeSize } from "../tensor/mod.ts";
import { type InferenceModel, inferenceNodes, routedLayers, routingOf } from "./inference_model.ts";

/** Sizes of a run: sequences, tokens of each, earlier tokens, and tokens whose state is asked for. */
const SIZES = {
  batch: runtimeSize("batch"),
  length: runtimeSize("length"),
  past: runtimeSize("past"),
  rows: runtimeSize("rows"),
};

/** Sizes of a pass, by name. */
export type PassSizes = Readonly<typeof SIZES>;

/** What a pass goes on from, and what it gives. */
export interface PassKind {
  /** Whether every sequence has its own earlier tokens, or all share those of one. */
  readonly past: "none" | "own" | "shared";
  /** What is given of the tokens that are asked for: logits, or the states that they come from. */
  readonly answers: "logits" | "states" | "none";
  /** Whether keys and values of the tokens are given too. */
  readonly keepsMemory: boolean;
  /**
   * Whether the program is on its own. The scalar input `thresholdShift` is added to the router's
   * threshold then; which tokens are the prompt follows from their place; and a router that decides
   * for whole sequences is asked where the scalar input `decided` is 0, and otherwise has decided the
   * input `decidedGates` `[B, 1, L']`.
   */
  readonly standsAlone?: boolean;
  /** Whether blocks are computed for all tokens and blended in, as in training. */
  readonly blended?: boolean;
  /** Sizes that are the same in all runs; others are left to each. */
  readonly sizes?: Partial<PassSizes> | undefined;
}

/** Names of a layer's keys and values, as inputs and as outputs. */
export function memoryNames(layer: number): { keys: string; values: string } {
  return { keys: `memory.${layer}.keys`, values: `memory.${layer}.values` };
}

/** Whether an output is a layer's keys or values. */
export function isMemory(name: string): boolean {
  return name.startsWith("memory.");
}

/**
 * The graph of a pass. Inputs: `tokens` int32 `[B, T]`, padded at the end, and `lengths` int32 `[B]`,
 * how many of them count; after earlier tokens the memory, `[B or 1, kvHeads, S, headDim]` each, and
 * `pastLengths` int32 `[B or 1]`, how many of its positions count; `rows` int32 `[N]`, places among
 * the B T tokens. Outputs: `logits` `[N, V]` or `states` `[N, D]`; `gates` `[B, T, L']` under a
 * router; the memory of the tokens, `[B, kvHeads, T, headDim]` each.
 */
export function passGraph(own: InferenceModel, kind: PassKind): Record<string, Node> {
  const sizes = { ...SIZES, ...kind.sizes };
  const { batch, length, rows } = sizes;
  const { model } = own.student;
  const { promptTokens } = routingOf(own);
  const decided = kind.past !== "none" && promptTokens > 0 && !kind.standsAlone;
  const nodes = inferenceNodes(own, [batch, length], decided);
  const { params } = nodes;
  const routing = nodes.routing && kind.standsAlone
    ? alone(nodes.routing, promptTokens, routedLayers(own), sizes)
    : nodes.routing;
  const real = realTokens(sizes);
  const tokens = input("tokens", [batch, length], "int32");
  const pass = forward(model, params, tokens, routing && withMask(routing, real, sizes), {
    places: placesOf(own, kind, real, sizes),
    compacted: !kind.blended,
  });

  const outputs: Record<string, Node> = {};
  if (kind.answers !== "none") {
    const states = gatherRows(
      reshape(pass.hiddenStates, [batch * length, model.dims.hiddenSize]),
      input("rows", [rows], "int32"),
    );
    if (kind.answers === "logits") outputs["logits"] = model.head(params, states);
    else outputs["states"] = states;
  }
  const gates = routing && ("gates" in routing ? routing.gates : pass.decision!.gates);
  if (gates) outputs["gates"] = broadcastTo(gates, [batch, length, routedLayers(own)]);
  if (kind.keepsMemory) {
    pass.keysValues.forEach((made, layer) => {
      if (!made) return;
      const { keys, values } = memoryNames(layer);
      outputs[keys] = made.keys;
      outputs[values] = made.values;
    });
  }
  return outputs;
}

/**
 * The graph from `states` `[N, D]` to how likely the tokens `targets` int32 `[N]` are after them:
 * `losses` `[N]` in nats and `better` `[N]`, the number of likelier tokens.
 */
export function headGraph(own: InferenceModel): Record<"losses" | "better", Node> {
  const { rows } = SIZES;
  const { model } = own.student;
  const { params } = inferenceNodes({ ...own, depth: "base" }, [1, 1], false);
  const targets = input("targets", [rows], "int32");
  const logits = model.head(params, input("states", [rows, model.dims.hiddenSize]));
  const likelier = greater(logits, reshape(takeLast(logits, targets), [rows, 1]));
  return { losses: crossEntropy(logits, targets), better: reduceSum(likelier, [1]) };
}

/** 0, 1, 2, … as float32 `[size]`. */
function counting(size: number): Node {
  return size === 1
    ? constant(floats([1]))
    : sub(cumulativeSum(broadcastTo(scalar(1), [size]), 0), scalar(1));
}

/** float32 `[B, T]`: 1 for tokens, 0 for padding. */
function realTokens({ batch, length }: PassSizes): Node {
  const lengths = cast(input("lengths", [batch], "int32"), "float32");
  return greater(reshape(lengths, [batch, 1]), reshape(counting(length), [1, length]));
}

type Routed = NonNullable<ReturnType<typeof inferenceNodes>["routing"]>;

/** Has a router see which tokens are padding, and skipping follow it. */
function withMask(routing: Routed, real: Node, { batch, length }: PassSizes): Routed {
  return "router" in routing
    ? { ...routing, context: { ...routing.context, tokenMask: real } }
    : { ...routing, gates: mul(routing.gates, reshape(real, [batch, length, 1])) };
}

/** A routing whose threshold may be moved, and that is told nothing about prompts. */
function alone(
  routing: Routed,
  promptTokens: number,
  layers: number,
  { batch, length }: PassSizes,
): Routed {
  if (!("router" in routing) || routing.context.mode !== "eval") return routing;
  const threshold = add(routing.context.threshold, input("thresholdShift", []));
  const context = { ...routing.context, threshold };
  if (promptTokens === 0) return { ...routing, context };
  // The first tokens, or all but the last of shorter texts; the very first in any case.
  const place = reshape(counting(length), [1, length]);
  const lengths = cast(input("lengths", [batch], "int32"), "float32");
  const isLater = greater(place, scalar(0));
  const isLast = sub(scalar(1), greater(reshape(sub(lengths, scalar(1)), [batch, 1]), place));
  const isLeading = broadcastTo(greater(scalar(promptTokens), place), [batch, length]);
  const promptMask = mul(isLeading, sub(scalar(1), mul(isLater, isLast)));
  const given = broadcastTo(input("decidedGates", [batch, 1, layers]), [batch, length, layers]);
  const { router } = routing;
  return {
    ...routing,
    context: { ...context, promptMask },
    router: {
      ...router,
      decide(params, anchor, site, context) {
        const { gates } = router.decide(params, anchor, site, context);
        const asked = broadcastTo(gates, [batch, length, layers]);
        return { gates: choose(input("decided", []), given, asked) };
      },
    },
  };
}

/** Where the tokens stand, and what they may read. */
function placesOf(
  own: InferenceModel,
  { past: kind }: PassKind,
  real: Node,
  sizes: PassSizes,
): Places {
  const { batch, length, past } = sizes;
  const place = counting(length);
  const row = reshape(place, [length, 1]);
  const column = reshape(place, [1, length]);
  const later = greater(column, row); // [T, T]
  const maskOwn = (window?: number) => {
    const hidden = window === undefined ? later : add(later, isBefore(window, column, row));
    return broadcastTo(
      reshape(scale(hidden, MASKED), [1, 1, length, length]),
      [batch, 1, length, length],
    );
  };
  if (kind === "none") {
    return { positions: cast(mul(column, real), "int32"), mask: onceEach(maskOwn) };
  }
  const owners = kind === "own" ? batch : 1;
  const lengths = reshape(
    cast(input("pastLengths", [owners], "int32"), "float32"),
    [owners, 1],
  );
  const at = add(lengths, column); // [B or 1, T]
  const earlier = reshape(counting(past), [1, past]);
  const unused = sub(scalar(1), greater(lengths, earlier)); // [B or 1, S]
  const maskEarlier = (window?: number) => {
    const unread = reshape(unused, [owners, 1, past]);
    const hidden = window === undefined
      ? unread
      : add(unread, isBefore(window, earlier, reshape(at, [owners, length, 1])));
    const rows = window === undefined ? 1 : length;
    return broadcastTo(
      reshape(scale(hidden, MASKED), [owners, 1, rows, past]),
      [batch, 1, length, past],
    );
  };
  return {
    positions: cast(mul(at, real), "int32"),
    mask: onceEach((window) => concat([maskEarlier(window), maskOwn(window)], 3)),
    earlier: earlierMemory(own, owners, sizes),
  };
}

/** 1 where `position` is before the window that ends with `row`; both are places in the text. */
function isBefore(window: number, position: Node, row: Node): Node {
  return greater(sub(row, position), scalar(window - 1));
}

/** `make`, asked once for each window. */
function onceEach(make: (window?: number) => Node): (window: number | undefined) => Node {
  const made = new Map<number | undefined, Node>();
  return (window) => {
    let mask = made.get(window);
    if (!mask) made.set(window, mask = make(window));
    return mask;
  };
}

function earlierMemory(
  { student: { model } }: InferenceModel,
  owners: number,
  { batch, past }: PassSizes,
): KeysValues[] {
  const { numLayers, numKeyValueHeads, headDim } = model.dims;
  const of = (name: string) =>
    broadcastTo(
      input(name, [owners, numKeyValueHeads, past, headDim]),
      [batch, numKeyValueHeads, past, headDim],
    );
  return Array.from({ length: numLayers }, (_, layer) => {
    const { keys, values } = memoryNames(layer);
    return { keys: of(keys), values: of(values) };
  });
}
