/** `tokens.json`: texts that a run had not seen, with what its router did to each token. */

import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../contracts/errors.ts";
import { writeFileAtomic } from "../io/atomic.ts";
import { readJsonObject } from "../io/json.ts";
import { type FinishedRun } from "./finished_run.ts";

/** Name of the file in a run folder. */
export const TOKENS_FILE = "tokens.json";

/** Texts that are written unless told otherwise. */
const SEQUENCES = 6;

/** Rounding of losses, in nats. */
const DIGITS = 4;

const sequence = z.object({
  texts: z.array(z.string()),
  losses: z.array(z.number().nullable()),
  gates: z.array(z.string().regex(/^[01]*$/)),
}).refine(
  ({ texts, losses, gates }) => texts.length === losses.length && texts.length === gates.length,
  "texts, losses and gates differ in length",
);

const trace = z.object({
  /** Layers that always run, before those with gates. */
  anchorLayers: z.int().nonnegative(),
  totalLayers: z.int().positive(),
  /** Wanted share of skipped token-layer pairs, and where the gates' threshold was. */
  targetSkip: z.number(),
  threshold: z.number(),
  sequences: z.array(sequence),
}).refine(
  ({ anchorLayers, totalLayers, sequences }) =>
    sequences.every(({ gates }) => gates.every((own) => own.length === totalLayers - anchorLayers)),
  "gates need a digit for each layer that is no anchor",
);

/**
 * What a router did. Of each text: its tokens, the loss of the token after each (nats; `null` where
 * that one is no text), and their gates, a digit for each routable layer.
 */
export type TokenTrace = z.infer<typeof trace>;

/**
 * Runs a finished run's routed model over the beginning of its validation text.
 *
 * @param count how many sequences; fewer where the text has no more
 */
export async function traceTokens(
  { evaluator, parts, config, point }: Pick<
    FinishedRun,
    "evaluator" | "parts" | "config" | "point"
  >,
  count = SEQUENCES,
): Promise<TokenTrace> {
  const { student: { router, model }, tokenizer } = parts;
  const { anchorLayers } = router;
  const sequences: TokenTrace["sequences"] = [];
  const batches = parts.validationBatches(Math.ceil(count / config.batchSize));
  for (const [index, batch] of batches.entries()) {
    const { losses, gates } = await evaluator.routedTokens(batch, point, index);
    const [size, length, layers] = gates.shape as readonly [number, number, number];
    for (let row = 0; row < size && sequences.length < count; row++) {
      const places = Array.from({ length }, (_, at) => row * length + at)
        .filter((place) => batch.tokenMask.data[place] === 1);
      if (places.length === 0) continue;
      sequences.push({
        texts: tokenTexts(places.map((place) => Number(batch.tokens.data[place]!)), tokenizer),
        losses: places.map((place) =>
          batch.scoreMask?.data[place] === 0 ? null : Number(losses.data[place]!.toFixed(DIGITS))
        ),
        gates: places.map((place) =>
          Array.from(
            gates.data.subarray(place * layers, (place + 1) * layers),
            (gate) => gate > 0.5 ? "1" : "0",
          ).join("")
        ),
      });
    }
  }
  return { anchorLayers, totalLayers: model.dims.numLayers, ...point, sequences };
}

/**
 * What each token adds to the text. A token with only some bytes of a character shows U+FFFD; one
 * that stands for no text, such as the end of a document, its own name.
 */
function tokenTexts(
  ids: readonly number[],
  tokenizer: FinishedRun["parts"]["tokenizer"],
): string[] {
  return ids.map((id, at) => {
    // Alone a token may lose the space in front of it.
    const before = ids.slice(Math.max(0, at - 1), at);
    const lead = tokenizer.decode(before);
    const text = tokenizer.decode([...before, id]).slice(lead.length);
    return text === "" ? tokenizer.decode([id], { keepSpecial: true }) : text;
  });
}

/** Writes a run's `tokens.json`. @returns its path @throws {UserError} when it cannot be written. */
export function writeTokenTrace(folder: string, tokens: TokenTrace): string {
  const path = join(folder, TOKENS_FILE);
  writeFileAtomic(path, JSON.stringify(tokens) + "\n");
  return path;
}

/** Reads a run's `tokens.json`. @throws {UserError} when it is missing or damaged. */
export function readTokenTrace(folder: string): TokenTrace {
  const path = join(folder, TOKENS_FILE);
  const result = trace.safeParse(readJsonObject(path, "a text's tokens"));
  if (result.success) return result.data;
  const { path: where, message } = result.error.issues[0]!;
  throw new UserError(
    `${path} is damaged: ${where.join(".") || "its contents"}: ${message}; remove it`,
  );
}
