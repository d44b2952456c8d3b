/**
 * The random numbers of CPython's `random` module, which lm-evaluation-harness draws examples with:
 * the Mersenne Twister MT19937 (Matsumoto and Nishimura 1998), seeded by an integer, and `sample`.
 */

const WORDS = 624;
const SHIFT = 397;

/** A generator like `random.Random(seed)`. */
export class PythonRandom {
  readonly #state = new Uint32Array(WORDS);
  #at = WORDS;

  /** @param seed a whole number; its sign is ignored, as Python does */
  constructor(seed: number) {
    this.#seedWith(wordsOf(Math.abs(seed)));
  }

  #seedWith(key: readonly number[]): void {
    const state = this.#state;
    state[0] = 19650218;
    for (let i = 1; i < WORDS; i++) {
      const last = state[i - 1]!;
      state[i] = Math.imul(1812433253, last ^ (last >>> 30)) + i;
    }
    let i = 1;
    const wrap = () => {
      i++;
      if (i < WORDS) return;
      state[0] = state[WORDS - 1]!;
      i = 1;
    };
    const mixed = (factor: number) => {
      const last = state[i - 1]!;
      return state[i]! ^ Math.imul(last ^ (last >>> 30), factor);
    };
    for (let step = 0; step < Math.max(WORDS, key.length); step++) {
      const j = step % key.length;
      state[i] = mixed(1664525) + key[j]! + j;
      wrap();
    }
    for (let step = 1; step < WORDS; step++) {
      state[i] = mixed(1566083941) - i;
      wrap();
    }
    state[0] = 0x80000000;
  }

  /** The next 32 bits. */
  next(): number {
    if (this.#at === WORDS) this.#twist();
    let y = this.#state[this.#at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < WORDS; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % WORDS]! & 0x7fffffff);
      state[i] = state[(i + SHIFT) % WORDS]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#at = 0;
  }

  /** `getrandbits(bits)`, for up to 32 bits. */
  bits(bits: number): number {
    return this.next() >>> (32 - bits);
  }

  /** A whole number in [0, limit), for a limit below 2^32. */
  below(limit: number): number {
    const bits = 32 - Math.clz32(limit);
    let drawn = this.bits(bits);
    while (drawn >= limit) drawn = this.bits(bits);
    return drawn;
  }

  /** `random()`: 53 bits in [0, 1). */
  random(): number {
    const [high, low] = [this.next() >>> 5, this.next() >>> 6];
    return (high * 67108864 + low) / 9007199254740992;
  }

  /**
   * `sample(pool, count)`: different members, in the order of drawing.
   *
   * @throws {RangeError} when there are not as many.
   */
  sample<T>(pool: readonly T[], count: number): T[] {
    const size = pool.length;
    if (count > size) throw new RangeError(`Cannot draw ${count} of ${size}`);
    // Python copies small pools and remembers what it took from large ones.
    const copied = 21 + (count > 5 ? 4 ** Math.ceil(Math.log(3 * count) / Math.log(4)) : 0);
    const drawn: T[] = [];
    if (size <= copied) {
      const left = [...pool];
      for (let i = 0; i < count; i++) {
        const at = this.below(size - i);
        drawn.push(left[at]!);
        left[at] = left[size - i - 1]!;
      }
      return drawn;
    }
    const taken = new Set<number>();
    while (taken.size < count) {
      let at = this.below(size);
      while (taken.has(at)) at = this.below(size);
      taken.add(at);
      drawn.push(pool[at]!);
    }
    return drawn;
  }
}

/** A whole number in words of 32 bits, the least significant first. */
function wordsOf(value: number): number[] {
  const words = [value % 2 ** 32];
  for (let rest = Math.floor(value / 2 ** 32); rest > 0; rest = Math.floor(rest / 2 ** 32)) {
    words.push(rest % 2 ** 32);
  }
  return words;
}
