/**
 * The graph that answers are computed with: a pass over some tokens after earlier ones, whose keys
 * and values are kept so that what many questions begin with is computed once.
 */

import { type KeysValues } from "../../contracts/mod.ts";
import {
  after,
  broadcastTo,
  concat,
  constant,
  crossEntropy,
  gatherRows,
  greater,
  input,
  type Node,
  reduceSum,
  reshape,
  shapeOf,
  slice,
  takeLast,
} from "../../graph/mod.ts";
import { forward, type Places } from "../../routing/mod.ts";
import { ints } from "../../tensor/mod.ts";
import { type AskedModel, askedNodes, routedLayers, routingOf } from "./asked_model.ts";

/** Sizes and outputs of a pass. */
export interface PassShape {
  /** Sequences. */
  readonly batch: number;
  /** Tokens of each. */
  readonly length: number;
  /** Earlier positions that they may read; 0: none. */
  readonly past: number;
  /** Whether every sequence has its own earlier tokens, or all share those of one. */
  readonly ownPast: boolean;
  /** Tokens whose successor is scored. */
  readonly rows: number;
  /** What is given of those tokens: how likely a target is, or all logits. */
  readonly answers: "targets" | "logits" | "none";
  /** Whether keys and values of the tokens are given too. */
  readonly keepsMemory: boolean;
}

/** The most logits that are made at once. */
const MOST_LOGITS = 2 ** 24;

/** Names of a layer's keys and values, as inputs and as outputs. */
export function memoryNames(layer: number): { keys: string; values: string } {
  return { keys: `memory.${layer}.keys`, values: `memory.${layer}.values` };
}

/** Whether an output is a layer's keys or values. */
export function isMemory(name: string): boolean {
  return name.startsWith("memory.");
}

/**
 * The graph of a pass. Inputs: `tokens` `[B, T]`; after earlier tokens also `positions` `[B, T]`,
 * `mask` and the memory; `rows` `[N]` into the tokens of all sequences, and `targets` `[N]`.
 * Outputs: `losses` `[N]` in nats and `better` `[N]`, the number of likelier tokens, or `logits`
 * `[N, V]`; `gates` `[B, T, L']` under a router; the memory.
 */
export function passGraph(asked: AskedModel, shape: PassShape): Record<string, Node> {
  const { batch, length, past } = shape;
  const { model } = asked.student;
  const decided = past > 0 && routingOf(asked).promptTokens > 0;
  const { params, routing } = askedNodes(asked, [batch, length], decided);
  const tokens = input("tokens", [batch, length], "int32");
  const pass = forward(model, params, tokens, routing, {
    ...(past > 0 ? { places: placesOf(asked, shape) } : {}),
  });

  const outputs: Record<string, Node> = {};
  if (shape.answers !== "none") {
    const states = gatherRows(
      reshape(pass.hiddenStates, [batch * length, model.dims.hiddenSize]),
      input("rows", [shape.rows], "int32"),
    );
    const head = (rows: Node) => model.head(params, rows);
    if (shape.answers === "logits") outputs["logits"] = head(states);
    else Object.assign(outputs, scores(head, states, model.dims.vocabSize));
  }
  const gates = routing && ("gates" in routing ? routing.gates : pass.decision!.gates);
  if (gates) outputs["gates"] = broadcastTo(gates, [batch, length, routedLayers(asked)]);
  if (shape.keepsMemory) {
    pass.keysValues.forEach((own, layer) => {
      if (!own) return;
      const { keys, values } = memoryNames(layer);
      outputs[keys] = own.keys;
      outputs[values] = own.values;
    });
  }
  return outputs;
}

/** Where the tokens stand after earlier ones. */
function placesOf(asked: AskedModel, { batch, length, past, ownPast }: PassShape): Places {
  const { numLayers, numKeyValueHeads, headDim, maxPositions } = asked.student.model.dims;
  const rows = ownPast ? batch : 1;
  const earlier = Array.from({ length: numLayers }, (_, layer): KeysValues => {
    const { keys, values } = memoryNames(layer);
    const of = (name: string) =>
      broadcastTo(input(name, [rows, numKeyValueHeads, past, headDim]), [
        batch,
        numKeyValueHeads,
        past,
        headDim,
      ]);
    return { keys: of(keys), values: of(values) };
  });
  // Taken from a constant, so that tables of rotations are made as long as is needed, not longer.
  const known = Math.min(past + length, maxPositions);
  const all = constant(ints([known], Array.from({ length: known }, (_, position) => position)));
  return {
    positions: gatherRows(all, input("positions", [batch, length], "int32")),
    mask: input("mask", [rows, 1, length, past + length]),
    earlier,
  };
}

/** How likely targets are after states, a part of them at a time. */
function scores(head: (rows: Node) => Node, states: Node, vocabulary: number) {
  const rows = shapeOf(states)[0]!;
  const targets = input("targets", [rows], "int32");
  const size = Math.max(1, Math.min(rows, Math.floor(MOST_LOGITS / vocabulary)));
  const losses: Node[] = [];
  const better: Node[] = [];
  for (let start = 0; start < rows; start += size) {
    const end = Math.min(rows, start + size);
    const own = slice(states, 0, start, end);
    const logits = head(losses.length > 0 ? after(own, losses.at(-1)!) : own);
    const right = slice(targets, 0, start, end);
    losses.push(crossEntropy(logits, right));
    const likelier = greater(logits, reshape(takeLast(logits, right), [end - start, 1]));
    better.push(reduceSum(likelier, [1]));
  }
  return { losses: concat(losses, 0), better: concat(better, 0) };
}
