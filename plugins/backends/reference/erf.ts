/** The error function in float64, which JavaScript lacks. */

const TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);
const ROOT_PI = Math.sqrt(Math.PI);
/** Below, the series takes fewer terms than the continued fraction; both are exact here. */
const SERIES_BELOW = 2.5;
/** From here on erfc(x) < 2^-54, so that erf(x) rounds to 1. */
const ONE_FROM = 6;

/** The error function, to within a few units in the last place of float64. */
export function erf(x: number): number {
  const size = Math.abs(x);
  if (Number.isNaN(x)) return NaN;
  if (size >= ONE_FROM) return Math.sign(x);
  return Math.sign(x) * (size < SERIES_BELOW ? series(size) : 1 - fraction(size));
}

/**
 * erf(x) = 2/sqrt(pi) e^(-x^2) sum over n of 2^n x^(2n+1) / (1*3*...*(2n+1)) (Abramowitz and Stegun
 * 7.1.6). All terms are positive, so nothing cancels.
 */
function series(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= 2 * x * x / (2 * n + 1);
    sum += term;
  }
  return TWO_OVER_ROOT_PI * Math.exp(-x * x) * sum;
}

/**
 * erfc(x) = e^(-x^2)/sqrt(pi) * 1/(x + (1/2)/(x + (2/2)/(x + (3/2)/(x + ...)))) (Abramowitz and
 * Stegun 7.1.14), from the inside out.
 */
function fraction(x: number): number {
  let tail = x;
  for (let n = 80; n > 0; n--) tail = x + n / 2 / tail;
  return Math.exp(-x * x) / (ROOT_PI * tail);
}
