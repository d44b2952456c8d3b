/**
 * The rate that a training step is held against: bare matrix products in ONNX Runtime.
 *
 * The products are the forward pass's own, rows of tokens by weights stored `[out, in]`, each a
 * session of one FusedMatMul. Only one element of a result leaves the session, so nothing but the
 * product is timed. The rate of all is the time-weighted one: the operations of every dense
 * projection and of the head, over the time that these products take.
 */

import { type Backend, type DeviceTensor, type Program } from "../../core/contracts/mod.ts";
import { input, matmul, slice } from "../../core/graph/mod.ts";
import { floats } from "../../core/tensor/mod.ts";
import { type LlamaConfig } from "../../plugins/models/llama/mod.ts";
import { timed } from "./measure.ts";
import { repeatedNormals } from "./step_workload.ts";

/** A product is repeated up to here in a round: enough to rise above the clock and one run's overhead. */
const LEAST_FLOPS = 2e10;

/** A product of a forward pass, `[rows, inner]` by `[columns, inner]` transposed. */
export interface ProductShape {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  /** How often a forward pass has it. */
  readonly count: number;
}

/** The wide products of one forward pass over `rows` tokens (those of keys and values are slim). */
export function mainProducts(config: LlamaConfig, rows: number): ProductShape[] {
  const { hiddenSize, intermediateSize, numHeads, headDim, numLayers, vocabSize } = config;
  return [
    // Queries and the output projection: alike where heads * headDim = hiddenSize.
    { rows, inner: hiddenSize, columns: numHeads * headDim, count: 2 * numLayers },
    { rows, inner: hiddenSize, columns: intermediateSize, count: 2 * numLayers },
    { rows, inner: intermediateSize, columns: hiddenSize, count: numLayers },
    { rows, inner: hiddenSize, columns: vocabSize, count: 1 },
  ];
}

/** A compiled product with its operands. */
export class RawProduct implements AsyncDisposable {
  /** Milliseconds of one product, a value for each round. */
  readonly times: number[] = [];

  private constructor(
    readonly shape: ProductShape,
    private readonly program: Program,
    private readonly feeds: Readonly<Record<string, DeviceTensor>>,
  ) {}

  /** @param weights at least `columns * inner` numbers; they are not copied. */
  static async compile(
    backend: Backend,
    shape: ProductShape,
    weights: Float32Array<ArrayBuffer>,
  ): Promise<RawProduct> {
    const { rows, inner, columns } = shape;
    const product = matmul(input("x", [rows, inner]), input("weight", [columns, inner]), {
      transB: true,
    });
    const program = await backend.compile({ corner: slice(slice(product, 0, 0, 1), 1, 0, 1) });
    return new RawProduct(shape, program, {
      x: backend.upload(floats([rows, inner], repeatedNormals(rows * inner, 1))),
      weight: backend.upload(floats([columns, inner], weights.subarray(0, columns * inner))),
    });
  }

  /** Times it once more; returns the milliseconds of one product. */
  async round(): Promise<number> {
    const repeats = Math.max(1, Math.round(LEAST_FLOPS / this.flops));
    const total = await timed(async () => {
      for (let i = 0; i < repeats; i++) await this.program.run(this.feeds);
    });
    return total / repeats;
  }

  /** Floating-point operations of one product. */
  get flops(): number {
    return this.program.flops;
  }

  /** Operands and rate, as a name: `[512, 2048] x [5632, 2048]^T`. */
  get name(): string {
    const { rows, inner, columns } = this.shape;
    return `matmul [${rows}, ${inner}] x [${columns}, ${inner}]^T`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}
