/** What a finished run's router does with each token of held-out text. */

import {
  rareTokens,
  type RoutingObservations,
  RoutingRecorder,
  type TokenCategory,
  tokenCategory,
} from "../../eval/mod.ts";
import { type Tokenizer } from "../../io/mod.ts";
import { siteOf } from "../../routing/mod.ts";
import { type FinishedRun } from "../finished_run.ts";
import { createProgress } from "../progress.ts";

/**
 * Runs the routed model over the run's validation text, with the gates of evaluation, at the point
 * where its router works.
 *
 * @param quiet no progress
 */
export async function observeRouting(
  { evaluator, parts, config, point }: FinishedRun,
  quiet = false,
): Promise<RoutingObservations> {
  const { model, router } = parts.student;
  const { routableLayers, anchorLayers } = siteOf(model, router.anchorLayers);
  const categories = new TokenCategories(parts.tokenizer);
  const recorder = new RoutingRecorder(routableLayers, anchorLayers, {
    category: (id, before) => categories.of(id, before),
    rare: rareTokens(parts.trainingTokenCounts()),
    labels: parts.kinds,
  });
  const batches = parts.validationBatches(config.evaluation.finalBatches);
  const progress = createProgress({ label: "reading", total: batches.length, quiet });
  try {
    for (const [index, batch] of batches.entries()) {
      const routed = await evaluator.routedTokens(batch, point, index);
      recorder.add(batch, routed, await evaluator.fullDepthTokens(batch, index));
      progress.update(index + 1);
    }
  } finally {
    progress.stop();
  }
  return recorder.observations();
}

/** Sorts of tokens by id and the id before, looked up once each. */
class TokenCategories {
  readonly #known = new Map<string, TokenCategory>();

  constructor(
    private readonly tokenizer: Pick<Tokenizer, "decode" | "bosId" | "eosId" | "padId">,
  ) {}

  of(id: number, before: number | undefined): TokenCategory {
    const { bosId, eosId, padId } = this.tokenizer;
    if (id === bosId || id === eosId || id === padId) return "special";
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
