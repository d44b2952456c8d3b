/** What a finished run's router does with each token of held-out text. */

import { type ProcessedToken, tokenCategory } from "../eval/mod.ts";
import { type Tokenizer } from "../io/mod.ts";
import { type FinishedRun } from "./finished_run.ts";

/** Every real token of the validation text: its sort, its depth, and the loss of what it predicts. */
export async function routedTokens(
  { evaluator, parts, config, point }: FinishedRun,
): Promise<ProcessedToken[]> {
  const { anchorLayers } = parts.student.router;
  const categories = new TokenCategories(parts.tokenizer);
  const processed: ProcessedToken[] = [];
  const batches = parts.validationBatches(config.evaluation.finalBatches);
  for (const [index, batch] of batches.entries()) {
    const { losses, gates } = await evaluator.routedTokens(batch, point, index);
    const [length, layers] = gates.shape.slice(1) as [number, number];
    for (let i = 0; i < losses.data.length; i++) {
      if (batch.tokenMask.data[i] !== 1) continue;
      let active = anchorLayers;
      for (let layer = 0; layer < layers; layer++) active += gates.data[i * layers + layer]!;
      const before = i % length === 0 ? undefined : batch.tokens.data[i - 1]!;
      processed.push({
        category: categories.of(batch.tokens.data[i]!, before),
        activeLayers: active,
        loss: losses.data[i]!,
      });
    }
  }
  return processed;
}

/** Sorts of tokens by id and the id before, looked up once each. */
class TokenCategories {
  readonly #known = new Map<string, ReturnType<typeof tokenCategory>>();

  constructor(private readonly tokenizer: Pick<Tokenizer, "decode">) {}

  of(id: number, before: number | undefined): ReturnType<typeof tokenCategory> {
    const key = `${before} ${id}`;
    let category = this.#known.get(key);
    if (category === undefined) {
      // Alone a token may lose the space in front of it.
      const lead = before === undefined ? "" : this.tokenizer.decode([before]);
      const both = before === undefined ? [id] : [before, id];
      const text = this.tokenizer.decode(both).slice(lead.length);
      const continues = before !== undefined && /^\p{L}/u.test(text) && /\p{L}$/u.test(lead);
      category = tokenCategory(text, continues);
      this.#known.set(key, category);
    }
    return category;
  }
}
