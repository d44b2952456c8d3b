/**
 * The rotary positions of a `config.json`, in both spellings: `rope_theta` beside `rope_scaling`, as
 * transformers 4 writes them, and `rope_parameters`, as transformers 5 does.
 */

import { z } from "zod";
import { UserError } from "../contracts/errors.ts";
import { type RopeScaling } from "../contracts/rope.ts";
import {
  asZod,
  type ConfigFields,
  oneOf,
  positive,
  readFields,
  share,
  size,
} from "./config_fields.ts";

/** Base of the frequencies where none is given, as in transformers. */
const DEFAULT_THETA = 10_000;

const atLeastOne = "give a number of at least 1";
const factor = z.number(atLeastOne).min(1, atLeastOne);

/** What each type of scaling is described by. */
const SCALINGS = {
  linear: z.object({ factor }).transform((c): RopeScaling => ({ kind: "linear", ...c })),
  llama3: z.object({
    factor,
    low_freq_factor: asZod(positive()),
    high_freq_factor: asZod(positive()),
    original_max_position_embeddings: asZod(size()),
  }).transform((c): RopeScaling => ({
    kind: "llama3",
    factor: c.factor,
    lowFreqFactor: c.low_freq_factor,
    highFreqFactor: c.high_freq_factor,
    originalMaxPositions: c.original_max_position_embeddings,
  })),
};

const type = asZod(oneOf(["default", "linear", "llama3"]).optional());

const scaling = z.object(
  // Configurations older than `rope_type` have `type`.
  { rope_type: type, type, rope_theta: asZod(positive().nullish()) },
  "give an object or null",
).nullish();

const fields = {
  "rope_theta": positive().nullish(),
  "rope_scaling": scaling,
  "rope_parameters": scaling,
};

/**
 * Base and scaling of the frequencies.
 *
 * @param source the file, for messages
 * @param defaultTheta the base where none is given
 * @throws {UserError} naming the field that is missing, out of range or not supported.
 */
export function readRope(
  config: ConfigFields,
  source: string,
  defaultTheta = DEFAULT_THETA,
): { ropeTheta: number; ropeScaling?: RopeScaling } {
  const read = readFields(fields, config, source);
  const key = read.rope_scaling ? "rope_scaling" : "rope_parameters";
  const given = read[key];
  const ropeTheta = given?.rope_theta ?? read.rope_theta ?? defaultTheta;
  const kind = given?.rope_type ?? given?.type ?? "default";
  if (kind === "default") return { ropeTheta };
  const ropeScaling = readFields({ [key]: SCALINGS[kind] }, config, source)[key]!;
  if (ropeScaling.kind === "llama3" && ropeScaling.lowFreqFactor >= ropeScaling.highFreqFactor) {
    throw new UserError(
      `Cannot use ${source}: "${key}.low_freq_factor" ${ropeScaling.lowFreqFactor} is not below ` +
        `"${key}.high_freq_factor" ${ropeScaling.highFreqFactor}; correct one of them`,
    );
  }
  return { ropeTheta, ropeScaling };
}

/**
 * The share of a head's dimensions that are rotated, `rope_parameters.partial_rotary_factor`.
 *
 * @param source the file, for messages
 * @param defaultShare the share where none is given
 * @throws {UserError} where it is no number above 0 and up to 1.
 */
export function readRotaryShare(config: ConfigFields, source: string, defaultShare = 1): number {
  const given = z.object({ partial_rotary_factor: asZod(share().nullish()) }).nullish();
  const { rope_parameters } = readFields({ rope_parameters: given }, config, source);
  return rope_parameters?.partial_rotary_factor ?? defaultShare;
}
