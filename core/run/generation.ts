/** Writing texts from the command line, with a word on how fast. */

import { UserError, type WeightFormat } from "../contracts/mod.ts";
import {
  bakesWeights,
  checkWeightFormat,
  continueSpeculatively,
  continueTexts,
  type InferenceModel,
  mergeAdapters,
  noCounts,
  Passes,
  prepareContinuation,
  type SamplingOptions,
  TextStream,
  type WrittenToken,
} from "../inference/mod.ts";
import { type Tokenizer } from "../io/mod.ts";
import { depthLegend, type LayersRun, withDepth } from "./depth_colours.ts";
import { type TrainedModel } from "./trained_model.ts";

/** How to write. */
export interface GenerationPlan {
  readonly prompts: readonly string[];
  readonly maxTokens: number;
  readonly sampling: SamplingOptions;
  readonly seed: number;
  /** Show by how many layers each token was written. */
  readonly showDepth: boolean;
  /** Tokens that the routed model drafts for each pass at full depth; absent: no speculation. */
  readonly draftTokens?: number | undefined;
  /** How matrices are kept while writing. */
  readonly weightFormat: WeightFormat;
  readonly quiet: boolean;
}

/** Where text goes, replaceable in tests. */
export interface GenerationOutput {
  /** Writes a piece of text as it is. */
  write(text: string): void;
  /** Says something about the text. */
  note(line: string): void;
  readonly inColour: boolean;
}

/** What writing came to. */
export interface GenerationSummary {
  readonly texts: readonly string[];
  readonly tokens: readonly (readonly number[])[];
  /** From the first token on: reading the prompts is not counted. */
  readonly tokensPerSecond: number;
}

/**
 * Continues the prompts and writes what comes: of a single one token by token, of several each when it
 * is over, under its prompt.
 *
 * @throws {UserError} for prompts that do not fit the model, and for what does not go together.
 */
export async function generate(
  { model, tokenizer }: Pick<TrainedModel, "model" | "tokenizer">,
  plan: GenerationPlan,
  output: GenerationOutput,
): Promise<GenerationSummary> {
  const { maxTokens, showDepth, quiet } = plan;
  const prompts = plan.prompts.map((prompt) => encodePrompt(tokenizer, prompt));
  checkLengths(prompts, plan.prompts, model, maxTokens);
  checkWeightFormat(model.backend, plan.weightFormat);
  const merged = await mergeAdapters(model);
  const { numLayers } = model.student.model.dims;
  const anchor = model.student.router?.anchorLayers ?? 0;
  const depthOf = ({ gates }: WrittenToken): LayersRun => ({
    layers: gates ? anchor + gates.reduce((sum, gate) => sum + gate, 0) : numLayers,
    of: numLayers,
  });
  if (showDepth && output.inColour) output.note(depthLegend(numLayers));

  const single = prompts.length === 1;
  const lines = prompts.map((prompt) => ({
    stream: new TextStream(tokenizer, prompt),
    tokens: [] as number[],
    text: "",
    shown: "",
    depth: 0,
  }));
  const isEnd = (token: number) => token === tokenizer.eosId;
  const options = {
    maxTokens,
    isOver: (_text: number, made: readonly number[]) => isEnd(made.at(-1)!),
  };
  await using passes = new Passes(merged, {
    seed: plan.seed,
    bakesWeights: bakesWeights(merged, plan.weightFormat),
    weightFormat: plan.weightFormat,
  });
  const counts = noCounts();
  const steps = plan.draftTokens === undefined
    ? continueTexts(passes, prompts, { ...options, sampling: plan.sampling, seed: plan.seed })
    : continueSpeculatively(passes, passes.fullDepth(), prompts, {
      ...options,
      draftTokens: plan.draftTokens,
      counts,
    });

  await prepareContinuation(passes, prompts.length);
  if (single) output.write(plan.prompts[0]!);
  let begun = performance.now();
  let first = 0;
  for await (const written of steps) {
    if (first === 0) {
      begun = performance.now();
      first = written.length;
    }
    for (const each of written) {
      const line = lines[each.text]!;
      line.tokens.push(each.token);
      line.depth += depthOf(each).layers;
      if (isEnd(each.token)) continue;
      const piece = line.stream.push(each.token, line.tokens.length === maxTokens);
      const shown = showDepth ? withDepth(piece, depthOf(each), output.inColour) : piece;
      line.text += piece;
      line.shown += shown;
      if (single) output.write(shown);
    }
  }
  const seconds = (performance.now() - begun) / 1000;
  if (single) output.write("\n");
  else {
    const texts = lines.map(({ shown }, i) => `${plan.prompts[i]}${shown}\n`);
    output.write(texts.join("\n"));
  }

  const total = lines.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const tokensPerSecond = total > first ? (total - first) / seconds : 0;
  if (!quiet) {
    const depth = lines.reduce((sum, line) => sum + line.depth, 0) / total;
    output.note("");
    output.note(
      [
        `${total} tokens`,
        total > first ? `${tokensPerSecond.toFixed(1)} tokens/s after the first` : "",
        model.depth === "routed" && plan.draftTokens === undefined
          ? `${depth.toFixed(2)} of ${numLayers} layers a token`
          : "",
        plan.draftTokens === undefined ? "" : `${counts.accepted} of ${counts.drafted} drafted ` +
          `tokens accepted, ${
            ((total - first) / Math.max(1, counts.passes) / prompts.length).toFixed(2)
          } tokens a pass at full depth`,
      ].filter((part) => part !== "").join(", "),
    );
  }
  return {
    texts: lines.map(({ text }) => text),
    tokens: lines.map(({ tokens }) => tokens),
    tokensPerSecond,
  };
}

/** A prompt with the tokens that its model expects in front; never empty. */
function encodePrompt(tokenizer: Tokenizer, prompt: string): Int32Array {
  const ids = tokenizer.encode(prompt, { addSpecial: true });
  const start = tokenizer.bosId ?? tokenizer.eosId;
  if (ids.length > 0) return ids;
  if (start === undefined) throw new UserError("The prompt is empty: give --prompt a text");
  return Int32Array.of(start);
}

function checkLengths(
  prompts: readonly Int32Array[],
  texts: readonly string[],
  { student: { model } }: InferenceModel,
  maxTokens: number,
): void {
  const { maxPositions } = model.dims;
  prompts.forEach((prompt, i) => {
    if (prompt.length + maxTokens <= maxPositions) return;
    const beginning = texts[i]!.slice(0, 30);
    throw new UserError(
      `The prompt "${beginning}${texts[i]!.length > 30 ? "…" : ""}" has ${prompt.length} tokens; ` +
        `with --max-tokens ${maxTokens} that is more than the ${maxPositions} of this model: ` +
        "shorten it, or write fewer",
    );
  });
}
