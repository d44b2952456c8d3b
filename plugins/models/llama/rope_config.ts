/**
 * The rotary positions of a `config.json`, in both spellings: `rope_theta` beside `rope_scaling`, as
 * transformers 4 writes them, and `rope_parameters`, as transformers 5 does.
 */

import { z } from "zod";
import { UserError } from "../../../core/contracts/mod.ts";
import { type RopeScaling } from "../../../core/nn/mod.ts";
import { type ConfigFields, positive, readFields, size } from "./fields.ts";

/** Base of the frequencies where none is given, as in transformers. */
const DEFAULT_THETA = 10_000;

const atLeastOne = "give a number of at least 1";
const factor = z.number(atLeastOne).min(1, atLeastOne);

/** What each type of scaling is described by. */
const SCALINGS = {
  linear: z.object({ factor }).transform((c): RopeScaling => ({ kind: "linear", ...c })),
  llama3: z.object({
    factor,
    low_freq_factor: positive(),
    high_freq_factor: positive(),
    original_max_position_embeddings: size(),
  }).transform((c): RopeScaling => ({
    kind: "llama3",
    factor: c.factor,
    lowFreqFactor: c.low_freq_factor,
    highFreqFactor: c.high_freq_factor,
    originalMaxPositions: c.original_max_position_embeddings,
  })),
};

const TYPES = ["default", "linear", "llama3"] as const;
const type = z.enum(TYPES, `supported are ${TYPES.join(", ")}`).optional();

const scaling = z.object(
  // Configurations older than `rope_type` have `type`.
  { rope_type: type, type, rope_theta: positive().nullish() },
  "give an object or null",
).nullish();

const schema = z.object({
  rope_theta: positive().nullish(),
  rope_scaling: scaling,
  rope_parameters: scaling,
});

/**
 * Base and scaling of the frequencies.
 *
 * @param source the file, for messages
 * @throws {UserError} naming the field that is missing, out of range or not supported.
 */
export function readRope(
  config: ConfigFields,
  source: string,
): { ropeTheta: number; ropeScaling?: RopeScaling } {
  const fields = readFields(schema, config, source);
  const key = fields.rope_scaling ? "rope_scaling" : "rope_parameters";
  const given = fields[key] ?? {};
  const ropeTheta = given.rope_theta ?? fields.rope_theta ?? DEFAULT_THETA;
  const kind = given.rope_type ?? given.type ?? "default";
  if (kind === "default") return { ropeTheta };
  const ropeScaling = readFields(z.object({ [key]: SCALINGS[kind] }), config, source)[key]!;
  if (ropeScaling.kind === "llama3" && ropeScaling.lowFreqFactor >= ropeScaling.highFreqFactor) {
    throw new UserError(
      `Cannot use ${source}: "${key}.low_freq_factor" ${ropeScaling.lowFreqFactor} is not below ` +
        `"${key}.high_freq_factor" ${ropeScaling.highFreqFactor}; correct one of them`,
    );
  }
  return { ropeTheta, ropeScaling };
}
