/** How fast a backend multiplies matrices. */

import { type Backend, type WeightFormat } from "../../core/contracts/mod.ts";
import { input, matmul, type Node, slice } from "../../core/graph/mod.ts";
import { floats } from "../../core/tensor/mod.ts";
import { timed } from "./measure.ts";
import { repeatedNormals } from "./step_workload.ts";

/** A rate, and the size that it was found at. */
export interface GemmRate {
  /** Rows and columns of the matrices. */
  readonly size: number;
  /** 10^9 floating-point operations a second. */
  readonly gflops: number;
}

/** Products one after the other in a run: what a run takes besides is shared among them. */
const CHAIN = 8;

/** Runs at one size, of which the fastest counts. */
const RUNS = 3;

/** How far sizes go up. */
export interface RateOptions {
  readonly smallest?: number;
  readonly largest?: number;
  /** Sizes go up until a run takes so long, in milliseconds. */
  readonly enough?: number;
  /** The right matrix is part of the program and kept in this form; fed to each run unless told. */
  readonly weightFormat?: WeightFormat;
}

/** The rate of square products, each of the one before, at the largest size that takes a moment. */
export async function gemmRate(
  backend: Backend,
  { smallest = 64, largest = 4096, enough = 300, weightFormat }: RateOptions = {},
): Promise<GemmRate> {
  for (let size = smallest;; size *= 2) {
    const { gflops, ms } = await rateAt(backend, size, weightFormat);
    if (ms >= enough || 2 * size > largest) return { size, gflops };
  }
}

async function rateAt(
  backend: Backend,
  size: number,
  weightFormat: WeightFormat | undefined,
): Promise<{ gflops: number; ms: number }> {
  const weight = input("weight", [size, size]);
  let product: Node = input("x", [size, size]);
  for (let i = 0; i < CHAIN; i++) product = matmul(product, weight, { transB: true });
  const corner = slice(slice(product, 0, 0, 1), 1, 0, 1);
  // Drawn so that products of products stay of order one.
  using x = backend.upload(floats([size, size], repeatedNormals(size * size, 1)));
  using w = backend.upload(floats([size, size], repeatedNormals(size * size, size ** -0.5)));
  await using program = await backend.compile(
    { corner },
    weightFormat && { constants: { weight: w }, weightFormat },
  );
  const run = () => timed(() => program.run({ x, weight: w }));
  await run(); // the first one allocates
  let ms = Infinity;
  for (let i = 0; i < RUNS; i++) ms = Math.min(ms, await run());
  return { gflops: program.flops / ms / 1e6, ms };
}
