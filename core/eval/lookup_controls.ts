/** A trained router against tables of its own mean answers, by token and by position. */

import { calibrateThreshold, GateInformation, LogitTable } from "../routing/mod.ts";
import {
  type Evaluator,
  type GatesOf,
  type LabelledBatch,
  type OperatingPoint,
} from "./evaluator.ts";

/** What a table is looked up by. */
export type LookupKey = "token" | "position";

function keysOf(key: LookupKey, { tokens }: LabelledBatch): ArrayLike<number> {
  const length = tokens.shape[1]!;
  return key === "token"
    ? tokens.data as Int32Array
    : Array.from({ length: tokens.data.length }, (_, i) => i % length);
}

/**
 * Gates from a table of the router's mean log-odds by token or by position, at a threshold that skips
 * `skip` of the text that the table is made from.
 *
 * @param batches text to make it from, not that of the evaluation
 */
export async function lookupGates(
  evaluator: Evaluator,
  batches: readonly LabelledBatch[],
  key: LookupKey,
  at: OperatingPoint,
  skip: number,
): Promise<GatesOf | undefined> {
  let table: LogitTable | undefined;
  for (const [index, batch] of batches.entries()) {
    const { logits } = await evaluator.decide(batch, at, index);
    if (!logits) return undefined;
    table ??= new LogitTable(logits.shape[2]!);
    const real = (token: number) => batch.tokenMask.data[token] === 1;
    table.add(keysOf(key, batch), logits.data, real);
  }
  const known = table!;
  const seen = batches.flatMap((batch) => {
    const logits = known.logits(keysOf(key, batch));
    const layers = logits.length / batch.tokens.data.length;
    return [...logits].filter((_, i) => batch.tokenMask.data[Math.floor(i / layers)] === 1);
  });
  const threshold = calibrateThreshold(Float32Array.from(seen), skip);
  return (shape, _index, batch) => known.gates(keysOf(key, batch), shape, threshold);
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
    const real = (token: number) => batch.tokenMask.data[token] === 1;
    information.add(batch.tokens.data as Int32Array, gates.data, real);
  }
  return information?.bits() ?? 0;
}
