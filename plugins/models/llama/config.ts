/** Reading a Llama's `config.json`. */

import { z } from "zod";
import { UserError } from "../../../core/contracts/mod.ts";
import { type LlamaConfig } from "./llama.ts";

const size = () => z.int().positive();

/** The fields that change what is computed; others (dropout, dtypes, generation) do not matter. */
const schema = z.object({
  vocab_size: size(),
  hidden_size: size(),
  intermediate_size: size(),
  num_hidden_layers: size(),
  num_attention_heads: size(),
  num_key_value_heads: size().optional(),
  head_dim: size().nullish(),
  max_position_embeddings: size(),
  rms_norm_eps: z.number().positive(),
  rope_theta: z.number().positive().optional(),
  rope_scaling: z.null({ error: "scaled rotary positions are not supported yet" }).optional(),
  rope_parameters: z.object({
    rope_theta: z.number().positive().optional(),
    rope_type: z.literal("default", { error: "only the default rotary positions are supported" })
      .optional(),
  }).nullish(),
  tie_word_embeddings: z.boolean().default(false),
  initializer_range: z.number().positive().default(0.02),
  hidden_act: z.literal("silu", { error: "only silu is supported" }).default("silu"),
  attention_bias: z.literal(false, { error: "biases are not supported here" }).default(false),
  mlp_bias: z.literal(false, { error: "biases are not supported here" }).default(false),
});

/**
 * The sizes and constants in a Llama's `config.json`.
 *
 * @param source the file, for messages
 * @throws {UserError} naming the field that is missing, out of range or not supported.
 */
export function readLlamaConfig(
  config: Readonly<Record<string, unknown>>,
  source: string,
): LlamaConfig {
  const result = schema.safeParse(config);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw new UserError(`Cannot use ${source}: "${issue.path.join(".")}": ${issue.message}`);
  }
  const c = result.data;
  const heads = c.num_attention_heads;
  const keyValueHeads = c.num_key_value_heads ?? heads;
  const headDim = c.head_dim ?? c.hidden_size / heads;
  if (headDim === c.head_dim && headDim % 2 !== 0) {
    throw new UserError(
      `Cannot use ${source}: "head_dim" ${headDim} is not even, as rotary positions need`,
    );
  }
  if (!Number.isInteger(headDim) || headDim % 2 !== 0) {
    throw new UserError(
      `Cannot use ${source}: "hidden_size" ${c.hidden_size} over "num_attention_heads" ${heads} ` +
        "does not give heads of an even size",
    );
  }
  if (heads % keyValueHeads !== 0) {
    throw new UserError(
      `Cannot use ${source}: "num_attention_heads" ${heads} is not a multiple of ` +
        `"num_key_value_heads" ${keyValueHeads}`,
    );
  }
  return {
    vocabSize: c.vocab_size,
    hiddenSize: c.hidden_size,
    intermediateSize: c.intermediate_size,
    numLayers: c.num_hidden_layers,
    numHeads: heads,
    numKeyValueHeads: keyValueHeads,
    headDim,
    maxPositions: c.max_position_embeddings,
    rmsNormEps: c.rms_norm_eps,
    ropeTheta: c.rope_theta ?? c.rope_parameters?.rope_theta ?? 10000,
    tieWordEmbeddings: c.tie_word_embeddings,
    initializerRange: c.initializer_range,
  };
}
