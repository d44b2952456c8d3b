/**
 * The passes through a decoder: dense, gated by a router, and compacted.
 *
 * The gated pass is what training uses. Every block is computed and blended in, x + g (block(x) - x),
 * so a gate of 0 leaves the state as it was, to the bit, and the gradient of a gate is what its block
 * would have changed. The compacted pass computes blocks for the tokens that run them and no others
 * (`compaction.ts`): the same numbers, in the time of what is kept. In both a skipped token still
 * lends its keys and values, and blocks that are known to be skipped by all are left out. The anchor
 * layers run once: the router reads the state after them, and the pass goes on from there.
 */

import {
  type DecideContext,
  type Decision,
  type DecoderModel,
  type KeysValues,
  type Memory,
  type Params,
  type Router,
  type Site,
} from "../contracts/mod.ts";
import {
  add,
  broadcastTo,
  checkpoint,
  constant,
  constantValue,
  mul,
  type Node,
  scalar,
  shapeOf,
  slice,
  stopGradient,
  sub,
} from "../graph/mod.ts";
import { causalMask } from "../nn/mod.ts";
import { ints } from "../tensor/mod.ts";
import { bypass } from "./bypass.ts";
import { keptTokens, runKept } from "./compaction.ts";
import { type Reading, readingOf } from "./reading.ts";

/** Who decides in a gated pass. */
export interface Routing {
  readonly router: Router;
  readonly params: Params;
  readonly context: DecideContext;
  /** Leading blocks that always run. */
  readonly anchorLayers: number;
  /** What the router is given to read; the state after the anchor layers unless told. */
  readonly reads?: Reading | undefined;
  /** Where the adapters of skipped tokens are; absent: there are none. */
  readonly bypass?: Params | undefined;
}

/** Gates that are given instead of decided: the controls. */
export interface FixedGates {
  /** `[B, T, L - anchorLayers]`, or of a shape that broadcasts to it */
  readonly gates: Node;
  readonly anchorLayers: number;
  /** Where the adapters of skipped tokens are; absent: there are none. */
  readonly bypass?: Params | undefined;
}

/** What a pass leaves behind. */
export interface Pass {
  /** State after the last block, `[B, T, D]`. */
  readonly hiddenStates: Node;
  /** State after the anchor layers; absent in a dense pass. */
  readonly anchor?: Node;
  /** The router's answer, where one was asked. */
  readonly decision?: Decision;
  /** What later tokens read of these, by layer; a layer that nobody runs has none. */
  readonly keysValues: readonly (KeysValues | undefined)[];
}

/** What a pass may be told besides its tokens. */
export interface PassOptions {
  /** Gradients keep the state between blocks only, and compute each block again. */
  readonly checkpointing?: boolean;
  /** Where the tokens stand and what stands before them; absent: they are all there is. */
  readonly places?: Places | undefined;
  /** Compute blocks for the tokens that run them only. No gradient reaches a gate then. */
  readonly compacted?: boolean;
}

/** Where a router of this model sits. @throws {RangeError} when no block is left to skip. */
export function siteOf(model: DecoderModel, anchorLayers: number): Site {
  const { hiddenSize, numLayers } = model.dims;
  if (!(anchorLayers >= 0 && anchorLayers < numLayers)) {
    throw new RangeError(
      `anchorLayers must be from 0 to ${numLayers - 1} in a model of ${numLayers} layers, ` +
        `current value is ${anchorLayers}`,
    );
  }
  return { hiddenSize, anchorLayers, routableLayers: numLayers - anchorLayers };
}

/** Where the tokens of a pass stand, and what they may read. */
export interface Places {
  /** int32 `[B, T]` */
  readonly positions: Node;
  /**
   * As {@link Memory.mask}, over earlier positions first and then the tokens themselves.
   *
   * @param window how many tokens are read, as {@link DecoderModel.window}; undefined: all
   */
  mask(window: number | undefined): Node;
  /** Keys and values of earlier tokens, `[B, kvHeads, S, headDim]`, for each layer that has any. */
  readonly earlier?: readonly (KeysValues | undefined)[];
}

/** Made once for each tokens node, so that passes share what follows from them. */
const placesOf = new WeakMap<Node, Places>();

function placesIn(tokens: Node): Places {
  let places = placesOf.get(tokens);
  if (!places) {
    const [batch, length] = shapeOf(tokens) as [number, number];
    const row = ints([1, length], Array.from({ length }, (_, position) => position));
    const positions = broadcastTo(constant(row), [batch, length]);
    const masks = new Map<number, Node>();
    const mask = (window = length) => {
      const seen = Math.min(window, length);
      let made = masks.get(seen);
      if (!made) masks.set(seen, made = causalMask(length, seen));
      return made;
    };
    placesOf.set(tokens, places = { positions, mask });
  }
  return places;
}

/** One pass over `tokens` int32 `[B, T]`, causal; padding, if any, stands at the end. */
export function forward(
  model: DecoderModel,
  params: Params,
  tokens: Node,
  routing?: Routing | FixedGates,
  { checkpointing = false, places, compacted = false }: PassOptions = {},
): Pass {
  const { positions, mask, earlier } = places ?? placesIn(tokens);
  const anchorLayers = routing?.anchorLayers ?? model.dims.numLayers;

  let x = model.embed(params, tokens, positions); // [B, T, D]
  const keysValues: (KeysValues | undefined)[] = Array(model.dims.numLayers).fill(undefined);
  const memoryOf = (layer: number, rows: Node): Memory => {
    const own = keysValues[layer] = model.keysValues(params, layer, rows, positions);
    const before = earlier?.[layer];
    const read = mask(model.window?.(layer));
    return { ...own, ...(before ? { earlier: before } : {}), mask: read };
  };
  const run = (layer: number, rows: Node) =>
    model.block(params, layer, rows, positions, memoryOf(layer, rows));
  const remembered = (value: Node, boundary: readonly Node[]) =>
    checkpointing ? checkpoint(value, boundary) : value;
  for (let layer = 0; layer < anchorLayers; layer++) x = remembered(run(layer, x), [x]);
  if (!routing) return { hiddenStates: x, keysValues };

  const anchor = x;
  const decision = "router" in routing
    ? routing.router.decide(
      routing.params,
      stopGradient(readingOf(routing.reads ?? "state", {
        anchor,
        asFirst: () =>
          model.embed(params, tokens, broadcastTo(constant(ints([1, 1])), shapeOf(tokens))),
        positions,
        maxPositions: model.dims.maxPositions,
      })),
      siteOf(model, anchorLayers),
      routing.context,
    )
    : undefined;
  const gates = "gates" in routing ? routing.gates : decision!.gates;
  const value = constantValue(gates);
  const known = value?.data.length === model.dims.numLayers - anchorLayers ? value.data : undefined;
  const cheap = (layer: number) => routing.bypass ? bypass(routing.bypass, layer, x) : undefined;
  const real = "router" in routing ? routing.context.tokenMask : undefined;
  const kept = compacted && !known ? keptTokens(gates, shapeOf(tokens), real) : undefined;
  for (let layer = anchorLayers; layer < model.dims.numLayers; layer++) {
    const at = layer - anchorLayers;
    const instead = known?.[at] === 1 ? undefined : cheap(layer);
    if (known?.[at] === 0) {
      if (instead) x = add(x, instead);
      continue;
    }
    const one = (values: Node) => slice(values, 2, at, at + 1); // [B, T, 1]
    const scales = decision?.survivalScale && one(decision.survivalScale);
    if (kept) {
      const states = x;
      x = runKept({
        states,
        positions,
        memory: memoryOf(layer, states),
        kept: kept(at),
        block(rows, at, memory) {
          const ran = model.block(params, layer, rows, at, memory);
          return scales ? add(rows, mul(scales, sub(ran, rows))) : ran;
        },
        instead,
        layer,
      });
      continue;
    }
    const gate = known ? undefined : one(gates);
    const weights = [gate, scales].filter((weight) => weight !== undefined);
    const ran = run(layer, x);
    let next = weights.length === 0 ? ran : add(x, mul(weights.reduce(mul), sub(ran, x)));
    if (gate && instead) next = add(next, mul(sub(scalar(1), gate), instead));
    x = remembered(next, [x, ...weights]);
  }
  return { hiddenStates: x, anchor, keysValues, ...(decision ? { decision } : {}) };
}

/**
 * The router's answer alone. A graph is only computed as far as its outputs need, so this runs the
 * anchor layers and nothing after them.
 */
export function decideOnly(
  model: DecoderModel,
  params: Params,
  tokens: Node,
  routing: Routing,
): Decision {
  return forward(model, params, tokens, routing).decision!;
}
