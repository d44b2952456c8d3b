/**
 * Counter-based random numbers: same seed, same bits, in any order.
 *
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) maps
 * (key, counter) to 128 random bits without state, so the noise of step 700 can be drawn without
 * drawing the 699 before it. That is what makes a resumed run repeat an unbroken one bit for bit.
 */

const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;

/** High 32 bits of the 64-bit product of two 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const low = aLow * bLow;
  const middle1 = aHigh * bLow;
  const middle2 = aLow * bHigh;
  const carry = ((low >>> 16) + (middle1 & 0xffff) + (middle2 & 0xffff)) >>> 16;
  return (aHigh * bHigh + (middle1 >>> 16) + (middle2 >>> 16) + carry) >>> 0;
}

/** Ten rounds of Philox4x32 on `counter` (4 words) with `key` (2 words), written to `out` at `at`. */
export function philox(
  key: readonly [number, number],
  counter: readonly [number, number, number, number],
  out: Uint32Array,
  at = 0,
): void {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1 >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

/** FNV-1a over UTF-16 code units: a stable 32-bit number for a name. */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

/**
 * A stream of random numbers, addressed by (seed, name, index): two streams that differ in any of
 * them are independent, and the same three always give the same numbers.
 */
export class RandomStream {
  readonly #key: readonly [number, number];
  readonly #index: number;
  readonly #block = new Uint32Array(4);
  #drawn = 0;

  /**
   * The stream from its beginning.
   *
   * @param seed the run's seed, a whole number
   * @param name what the numbers are for, such as `"gumbel"`
   * @param index which of them, such as the step
   */
  constructor(seed: number, name: string, index = 0) {
    this.#key = [seed >>> 0, (hashName(name) ^ Math.floor(seed / 2 ** 32)) >>> 0];
    this.#index = index;
  }

  /** A whole number in [0, 2^32). */
  uint32(): number {
    const lane = this.#drawn & 3;
    if (lane === 0) {
      const block = Math.floor(this.#drawn / 4);
      philox(
        this.#key,
        [block >>> 0, Math.floor(block / 2 ** 32), this.#index >>> 0, this.#index / 2 ** 32 >>> 0],
        this.#block,
      );
    }
    this.#drawn++;
    return this.#block[lane]!;
  }

  /** A number strictly between 0 and 1 (exact in float32, so that its logarithm is finite). */
  uniform(): number {
    return ((this.uint32() >>> 9) + 0.5) / 2 ** 23;
  }

  /** A whole number in [0, bound); unbiased. */
  below(bound: number): number {
    const limit = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const word = this.uint32();
      if (word < limit) return word % bound;
    }
  }

  /** A draw from the standard normal distribution (Box and Muller, 1958). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** One of `choices`, each with the same chance. */
  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new RangeError("Cannot pick from an empty list");
    return choices[this.below(choices.length)]!;
  }

  /** Shuffles `items` in place (Fisher and Yates) and returns them. */
  shuffle<T extends { [index: number]: unknown; length: number }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = items[i];
      items[i] = items[j];
      items[j] = held;
    }
    return items;
  }
}
