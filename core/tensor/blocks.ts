/**
 * Four-bit storage of weights: blocks of 64 neighbours share a scale, each weight is one of 16 levels.
 *
 * A matrix is taken row by row as one long list, cut into blocks. A byte holds two codes, the first
 * of the pair in its upper half, as bitsandbytes packs them.
 *
 * - `nf4` has levels at quantiles of a normal distribution, scaled by the block's largest magnitude
 *   (Dettmers et al. 2023, QLoRA, arXiv 2305.14314, appendix E).
 * - `int4` has the levels -8 … 7; the scale takes the weight of largest magnitude, with its sign, to
 *   -8, so that all sixteen are used (as in llama.cpp's Q4_0).
 */

/** How the sixteen levels lie. */
export type BlockFormat = "int4" | "nf4";

/** Weights that share a scale. */
export const BLOCK_SIZE = 64;

const NF4_LEVELS = [
  -1,
  -0.6961928009986877,
  -0.5250730514526367,
  -0.39491748809814453,
  -0.28444138169288635,
  -0.18477343022823334,
  -0.09105003625154495,
  0,
  0.07958029955625534,
  0.16093020141124725,
  0.24611230194568634,
  0.33791524171829224,
  0.44070982933044434,
  0.5626170039176941,
  0.7229568362236023,
  1,
];

/** What the codes 0 … 15 stand for, in units of the block's scale. */
export const BLOCK_LEVELS: Readonly<Record<BlockFormat, Float32Array<ArrayBuffer>>> = {
  nf4: Float32Array.from(NF4_LEVELS),
  int4: Float32Array.from({ length: 16 }, (_, code) => code - 8),
};

/** Weights in four-bit blocks. */
export interface Blocks {
  /** How the sixteen levels lie. */
  readonly format: BlockFormat;
  /** Two codes a byte, the first one in the upper half; half as many bytes as weights. */
  readonly codes: Uint8Array<ArrayBuffer>;
  /** One factor a block. */
  readonly scales: Float32Array<ArrayBuffer>;
}

/** Room for `size` weights. @throws {RangeError} when they do not fill whole blocks. */
export function emptyBlocks(format: BlockFormat, size: number): Blocks {
  if (size % BLOCK_SIZE !== 0) {
    throw new RangeError(`Cannot cut ${size} weights into blocks of ${BLOCK_SIZE}`);
  }
  return { format, codes: new Uint8Array(size / 2), scales: new Float32Array(size / BLOCK_SIZE) };
}

/**
 * Stores `values` as weights `start`, `start + 1`, … of `blocks`: each as the level nearest to it.
 *
 * @param start a multiple of the block size
 * @param values finite, whole blocks
 */
export function quantizeInto(blocks: Blocks, values: Float32Array, start = 0): void {
  const encode = blocks.format === "nf4" ? encodeNf4 : encodeInt4;
  for (let at = 0; at < values.length; at += BLOCK_SIZE) {
    const place = start + at;
    blocks.scales[place / BLOCK_SIZE] = encode(values, at, blocks.codes, place / 2);
  }
}

/** The weights that `blocks` stand for. */
export function dequantizeBlocks({ format, codes, scales }: Blocks): Float32Array<ArrayBuffer> {
  const levels = BLOCK_LEVELS[format];
  const values = new Float32Array(2 * codes.length);
  for (let i = 0; i < codes.length; i++) {
    const scale = scales[Math.floor(2 * i / BLOCK_SIZE)]!;
    values[2 * i] = levels[codes[i]! >> 4]! * scale;
    values[2 * i + 1] = levels[codes[i]! & 15]! * scale;
  }
  return values;
}

/** Encodes the block of `values` at `from` into `codes` at `to` and returns its scale. */
type Encode = (values: Float32Array, from: number, codes: Uint8Array, to: number) => number;

const encodeInt4: Encode = (values, from, codes, to) => {
  let extreme = 0;
  for (let i = from; i < from + BLOCK_SIZE; i++) {
    if (Math.abs(values[i]!) > Math.abs(extreme)) extreme = values[i]!;
  }
  const scale = Math.fround(extreme / -8);
  const inverse = scale === 0 ? 0 : 1 / scale;
  // Adding a half and cutting rounds to nearest, as nothing here is negative.
  const code = (value: number) => Math.min(15, (value * inverse + 8.5) | 0);
  for (let i = 0; i < BLOCK_SIZE; i += 2) {
    codes[to + i / 2] = code(values[from + i]!) << 4 | code(values[from + i + 1]!);
  }
  return scale;
};

/** Cells that [-1, 1] is cut into to find a level at once; no cell holds two midpoints of levels. */
const CELLS = 1024;

/** Where code k ends and k + 1 begins: halfway between their levels. */
const NF4_BOUNDS = Float64Array.from(
  { length: 16 },
  (_, code) => code === 15 ? Infinity : (NF4_LEVELS[code]! + NF4_LEVELS[code + 1]!) / 2,
);

/** The code of each cell's lower end. */
const NF4_CELLS = Uint8Array.from({ length: CELLS + 1 }, (_, cell) => {
  const value = 2 * cell / CELLS - 1;
  return NF4_BOUNDS.findIndex((bound) => value <= bound);
});

const encodeNf4: Encode = (values, from, codes, to) => {
  let largest = 0;
  for (let i = from; i < from + BLOCK_SIZE; i++) {
    const size = Math.abs(values[i]!);
    if (size > largest) largest = size;
  }
  const inverse = largest === 0 ? 0 : 1 / largest;
  const code = (value: number) => {
    const scaled = value * inverse;
    const lower = NF4_CELLS[((scaled + 1) * (CELLS / 2)) | 0]!;
    return scaled > NF4_BOUNDS[lower]! ? lower + 1 : lower;
  };
  for (let i = 0; i < BLOCK_SIZE; i += 2) {
    codes[to + i / 2] = code(values[from + i]!) << 4 | code(values[from + i + 1]!);
  }
  return largest;
};
