/** A trained router against tables of its own mean answers, by token and by position. */

import {
  calibrateThreshold,
  GateInformation,
  LogitTable,
  type OperatingPoint,
} from "../routing/mod.ts";
import { type Evaluator, type GatesOf, type LabelledBatch, realTokens } from "./evaluator.ts";

/** What a table is looked up by. */
export type LookupKey = "token" | "position";

const KEYS = ["token", "position"] as const;

function keysOf(key: LookupKey, { tokens }: LabelledBatch): ArrayLike<number> {
  const length = tokens.shape[1]!;
  return key === "token"
    ? tokens.data as Int32Array
    : Array.from({ length: tokens.data.length }, (_, i) => i % length);
}

/**
 * Gates from tables of the router's mean log-odds by token and by position, at thresholds that skip
 * `skip` of the text that the tables are made from.
 *
 * @param batches text to make them from, not that of the evaluation
 * @returns undefined for a router without log-odds
 */
export async function lookupGates(
  evaluator: Evaluator,
  batches: readonly LabelledBatch[],
  at: OperatingPoint,
  skip: number,
): Promise<Readonly<Record<LookupKey, GatesOf>> | undefined> {
  let tables: Readonly<Record<LookupKey, LogitTable>> | undefined;
  for (const [index, batch] of batches.entries()) {
    const { logits } = await evaluator.decide(batch, at, index);
    if (!logits) return undefined;
    const layers = logits.shape[2]!;
    tables ??= { token: new LogitTable(layers), position: new LogitTable(layers) };
    for (const key of KEYS) {
      tables[key].add(keysOf(key, batch), logits.data, realTokens(batch));
    }
  }
  if (!tables) return undefined;
  const { token, position } = tables;
  return {
    token: gatesFrom(token, "token", batches, skip),
    position: gatesFrom(position, "position", batches, skip),
  };
}

/** Gates that a table gives, at a threshold that skips a share `skip` of this text. */
function gatesFrom(
  table: LogitTable,
  key: LookupKey,
  batches: readonly LabelledBatch[],
  skip: number,
): GatesOf {
  const seen = batches.flatMap((batch) => {
    const logits = table.logits(keysOf(key, batch));
    const layers = logits.length / batch.tokens.data.length;
    const real = realTokens(batch);
    return [...logits].filter((_, i) => real(Math.floor(i / layers)));
  });
  const threshold = calibrateThreshold(Float32Array.from(seen), skip);
  return (shape, _index, batch) => table.gates(keysOf(key, batch), shape, threshold);
}

/** I(gate; token | layer) in bits on this text, see {@link GateInformation}. */
export async function gateInformation(
  evaluator: Evaluator,
  batches: readonly LabelledBatch[],
  at: OperatingPoint,
): Promise<number> {
  let information: GateInformation | undefined;
  for (const [index, batch] of batches.entries()) {
    const { gates } = await evaluator.decide(batch, at, index);
    information ??= new GateInformation(gates.shape[2]!);
    information.add(batch.tokens.data as Int32Array, gates.data, realTokens(batch));
  }
  return information?.bits() ?? 0;
}
