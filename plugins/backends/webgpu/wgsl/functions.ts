/** Functions that WGSL lacks, or has in a form that is not exact enough. */

import { BLOCK_LEVELS } from "../../../../core/tensor/mod.ts";

/** By its bits: a device may take comparisons with NaN for whatever suits it. */
export const IS_NAN = `fn is_nan(x: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;
}`;

/** The logistic function. No power in it overflows, as a device need not have infinity. */
export const SIGMOID = `fn sigmoid(x: f32) -> f32 {
  if (is_nan(x)) { return x; }
  let e = exp(-abs(x));
  return select(1f, e, x < 0f) / (1f + e);
}`;

/** tanh without its overflow far out, and with its slope near 0. */
export const TANH = `fn tanh_of(x: f32) -> f32 {
  if (is_nan(x)) { return x; }
  if (abs(x) < 0.1f) {
    let y = x * x;
    return x * (1f + y * (-0.33333334f + y * (0.13333334f + y * (-0.053968254f))));
  }
  return 1f - 2f / (exp(2f * clamp(x, -15f, 15f)) + 1f);
}`;

/**
 * The error function to some float32 roundings: its series near 0, and further out Abramowitz and
 * Stegun's 7.1.26, whose error is below 1.5e-7.
 */
export const ERF = `fn erf(x: f32) -> f32 {
  let a = abs(x);
  if (a < 0.5f) {
    let y = x * x;
    return x * (1.1283792f + y * (-0.37612638f + y * (0.11283792f + y * (-0.026866170f +
      y * (0.0052239776f + y * (-0.00085483270f))))));
  }
  let t = 1f / (1f + 0.3275911f * a);
  let p = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f +
    t * 1.061405429f))));
  return sign(x) * (1f - p * exp(-min(a * a, 80f)));
}`;

const nf4 = [...BLOCK_LEVELS.nf4];

/** Levels of four-bit codes. */
export const DEQUANTIZE = {
  int4: "fn int4(code: u32) -> f32 { return f32(code) - 8f; }",
  nf4: [
    "fn nf4(code: u32) -> f32 {",
    "  switch code {",
    ...nf4.slice(0, -1).map((level, code) => `    case ${code}u: { return ${level}f; }`),
    `    default: { return ${nf4.at(-1)}f; }`,
    "  }",
    "}",
  ].join("\n"),
} as const;
