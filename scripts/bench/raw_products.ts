/**
 * The rate that a training step is held against: bare matrix products in ONNX Runtime.
 *
 * The products are the forward pass's own, rows of tokens by weights stored `[out, in]`, each a
 * session of one FusedMatMul. Only one element of a result leaves the session, so nothing but the
 * product is timed. The rate of all is the time-weighted one: the operations of every dense
 * projection and of the head, over the time that these products take.
 */

import {
  type Backend,
  type DecoderModel,
  type DeviceTensor,
  type Program,
} from "../../core/contracts/mod.ts";
import { input, matmul, slice } from "../../core/graph/mod.ts";
import { floats } from "../../core/tensor/mod.ts";
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

/** A product with less than this share of the operations tells nothing of the rate. */
const SMALL_SHARE = 0.02;

/** The head is measured on no more columns than these: the rate is the same, the memory is not. */
const MOST_COLUMNS = 32_768;

/** The main products of one forward pass over `rows` tokens: projections by their size, and the head. */
export function mainProducts(model: DecoderModel, rows: number): ProductShape[] {
  const { numLayers, vocabSize, hiddenSize } = model.dims;
  const specs = model.params();
  const products = new Map<string, ProductShape>();
  for (let layer = 0; layer < numLayers; layer++) {
    for (const name of model.projections(layer)) {
      const [columns, inner] = specs[`${name}.weight`]!.shape as [number, number];
      const count = (products.get(`${columns} ${inner}`)?.count ?? 0) + 1;
      products.set(`${columns} ${inner}`, { rows, inner, columns, count });
    }
  }
  const columns = Math.min(vocabSize, MOST_COLUMNS);
  const head = { rows, inner: hiddenSize, columns, count: vocabSize / columns };
  const all = [...products.values(), head];
  const flops = ({ inner, columns, count }: ProductShape) => inner * columns * count;
  const total = all.reduce((sum, product) => sum + flops(product), 0);
  return all.filter((product) => flops(product) > SMALL_SHARE * total);
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

  /** Draws the operands. */
  static async compile(backend: Backend, shape: ProductShape): Promise<RawProduct> {
    const { rows, inner, columns } = shape;
    const product = matmul(input("x", [rows, inner]), input("weight", [columns, inner]), {
      transB: true,
    });
    const program = await backend.compile({ corner: slice(slice(product, 0, 0, 1), 1, 0, 1) });
    return new RawProduct(shape, program, {
      x: backend.upload(floats([rows, inner], repeatedNormals(rows * inner, 1))),
      weight: backend.upload(floats([columns, inner], repeatedNormals(columns * inner, 0.02))),
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
