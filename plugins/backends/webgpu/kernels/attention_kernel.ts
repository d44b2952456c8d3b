/**
 * Attention without its matrix of weights (Dao et al. 2022, arXiv 2205.14135): a workgroup takes some
 * rows of queries, goes through keys and values block by block, and corrects what it has summed where
 * a larger score turns up.
 */

import { type Node, shapeOf } from "../../../../core/graph/mod.ts";
import { type Shape } from "../../../../core/tensor/mod.ts";
import { type Expressions } from "../wgsl/expressions.ts";
import { broadcastIndex } from "../wgsl/indices.ts";
import { type Value } from "../wgsl/value.ts";
import { floatLiteral, type KernelWriter } from "../wgsl/writer.ts";

/** Settings of attention. */
export interface AttentionAttrs {
  /** Factor on the scores. */
  readonly alpha: number;
  /** Shape of the scores, which the mask broadcasts to; as many as `[..., R, S]`. */
  readonly shape: Shape;
}

/** Positions that are read at a time. */
const BLOCK = 16;

/** Invocations along rows and along columns of what a workgroup works out. */
export const SIDE = 8;
export const INVOCATIONS = SIDE * SIDE;

/** Positions of a block that one invocation scores. */
const OWN_POSITIONS = BLOCK / SIDE;

/** Numbers that the invocations along columns take together, as vectors of four. */
export const COLUMNS = 4 * SIDE;

/** Widths of a head up to which an invocation's registers hold its sums. */
export const WIDEST = 128;

/** Rows that one invocation works out: fewer of wide heads. */
export function ownRowsOf(width: number): number {
  return width <= 64 ? 4 : 2;
}

/** Vectors from one row of a tile to the next: one more than it has, so that fewer banks collide. */
function lineOf(width: number): number {
  return width / 4 + 1;
}

/** Bytes of a workgroup's memory that the kernel takes. */
export function memoryOf(width: number): number {
  const rows = ownRowsOf(width) * SIDE;
  return 16 * (rows + BLOCK) * lineOf(width) + 4 * rows * (BLOCK + 2);
}

/** What the kernel is about. */
export interface AttentionPlan {
  readonly queries: Node;
  readonly mask: Node;
  readonly attrs: AttentionAttrs;
  /** Rows that one invocation works out. */
  readonly ownRows: number;
  readonly to: Value;
}

/** The kernel in the making: begun, then each stretch read, then ended. */
export class AttentionKernel {
  readonly #width: number;
  readonly #vectors: number;
  readonly #line: number;
  readonly #rows: number;
  readonly #height: string;
  /** Positions of all stretches. */
  readonly #positions: string;
  #before = "0u";
  #names!: Record<"which" | "top" | "x" | "y" | "tile" | "memory" | "scores" | "factors", string>;

  constructor(
    private readonly kernel: KernelWriter,
    private readonly all: Expressions,
    private readonly plan: AttentionPlan,
  ) {
    const shape = shapeOf(plan.queries);
    this.#width = shape.at(-1)!;
    this.#vectors = this.#width / 4;
    this.#line = lineOf(this.#width);
    this.#rows = plan.ownRows * SIDE;
    this.#height = kernel.size(shape.at(-2)!);
    this.#positions = kernel.size(plan.attrs.shape.at(-1)!);
  }

  /** Brings the queries in. */
  begin(): void {
    const { kernel } = this;
    const { queries, ownRows } = this.plan;
    const which = kernel.let("group.y");
    const top = kernel.let(`group.x * ${this.#rows}u`);
    const products = kernel.count(shapeOf(queries).slice(0, -2));
    kernel.line(`if (${which} >= ${products} || ${top} >= ${this.#height}) { return; }`);
    this.#names = {
      which,
      top,
      x: kernel.let(`lane % ${SIDE}u`),
      y: kernel.let(`lane / ${SIDE}u * ${ownRows}u`),
      tile: kernel.shared(`array<vec4<f32>, ${this.#rows * this.#line}>`),
      memory: kernel.shared(`array<vec4<f32>, ${BLOCK * this.#line}>`),
      scores: kernel.shared(`array<f32, ${this.#rows * (BLOCK + 1)}>`),
      factors: kernel.shared(`array<f32, ${this.#rows}>`),
    };
    this.#bring(this.#names.tile, queries, this.#rows, top, this.#height);
    // Of the row that has this invocation's number.
    kernel.line("var largest = -1e38f;");
    kernel.line("var total = 0f;");
    this.#eachSum((sum) => kernel.line(`var ${sum} = vec4<f32>();`));
  }

  /** Goes through a stretch of positions. */
  read(keys: Node, values: Node): void {
    const { kernel } = this;
    const length = kernel.size(shapeOf(keys).at(-2)!);
    const { memory } = this.#names;
    kernel.block(`for (var start = 0u; start < ${length}; start += ${BLOCK}u)`, () => {
      kernel.line("workgroupBarrier();");
      this.#bring(memory, keys, BLOCK, "start", length);
      kernel.line("workgroupBarrier();");
      this.#score(length);
      kernel.line("workgroupBarrier();");
      this.#weigh();
      this.#bring(memory, values, BLOCK, "start", length);
      kernel.line("workgroupBarrier();");
      this.#add();
    });
    this.#before = this.#before === "0u" ? length : `(${this.#before} + ${length})`;
  }

  /** Writes the result. */
  end(): void {
    const { kernel } = this;
    const { which, top, x, y, factors } = this.#names;
    kernel.line("workgroupBarrier();");
    kernel.line(`if (lane < ${this.#rows}u) { ${factors}[lane] = 1f / total; }`);
    kernel.line("workgroupBarrier();");
    this.#eachSum((sum, i, c) => {
      const row = kernel.once(`row ${i}`, () => kernel.let(`${top} + ${y} + ${i}u`));
      kernel.block(`if (${row} < ${this.#height})`, () => {
        const vectors = this.#vectors / SIDE;
        const first = kernel.let(
          `(${which} * ${this.#height} + ${row}) * ${this.#width}u + (${x} * ${vectors}u + ${c}u) * 4u`,
        );
        const shared = kernel.let(`${sum} * ${factors}[${y} + ${i}u]`);
        for (let k = 0; k < 4; k++) {
          kernel.write(this.plan.to, kernel.let(`${first} + ${k}u`), `${shared}[${k}]`);
        }
      });
    });
  }

  /** Each of this invocation's sums: row `i`, vector `c` of its columns. */
  #eachSum(body: (name: string, i: number, c: number) => void): void {
    for (let i = 0; i < this.plan.ownRows; i++) {
      for (let c = 0; c < this.#vectors / SIDE; c++) body(`sum${i}_${c}`, i, c);
    }
  }

  /** Brings rows of a matrix, from `start` on, into a workgroup's memory; zeros beyond its end. */
  #bring(memory: string, node: Node, rows: number, start: string, end: string): void {
    const { kernel, all } = this;
    const { which } = this.#names;
    const vectors = rows * this.#vectors;
    kernel.block(`for (var unit = lane; unit < ${vectors}u; unit += ${INVOCATIONS}u)`, () => {
      const row = kernel.let(`unit / ${this.#vectors}u`);
      const vector = kernel.let(`unit % ${this.#vectors}u`);
      const at = kernel.let(`${start} + ${row}`);
      const values = kernel.variable("vec4<f32>", "vec4<f32>()");
      kernel.block(`if (${at} < ${end})`, () => {
        const first = kernel.let(
          `(${which} * ${end} + ${at}) * ${this.#width}u + ${vector} * 4u`,
        );
        const each = [0, 1, 2, 3].map((k) => all.atFlat(node, kernel.let(`${first} + ${k}u`)));
        kernel.line(`${values} = vec4<f32>(${each.join(", ")});`);
      });
      kernel.line(`${memory}[${row} * ${this.#line}u + ${vector}] = ${values};`);
    });
  }

  /** Scores of this invocation's rows and positions, masked. */
  #score(length: string): void {
    const { kernel, all } = this;
    const { ownRows, mask, attrs } = this.plan;
    const { which, top, x, y, tile, memory, scores } = this.#names;
    const own = Array.from({ length: ownRows }, (_, i) => i);
    const positions = Array.from({ length: OWN_POSITIONS }, (_, j) => j);
    for (const i of own) for (const j of positions) kernel.line(`var score${i}_${j} = 0f;`);
    kernel.block(`for (var c = 0u; c < ${this.#vectors}u; c++)`, () => {
      const keys = positions.map((j) =>
        kernel.let(`${memory}[(${x} * ${OWN_POSITIONS}u + ${j}u) * ${this.#line}u + c]`)
      );
      for (const i of own) {
        const query = kernel.let(`${tile}[(${y} + ${i}u) * ${this.#line}u + c]`);
        for (const j of positions) kernel.line(`score${i}_${j} += dot(${query}, ${keys[j]});`);
      }
    });
    for (const i of own) {
      for (const j of positions) {
        kernel.block("", () => {
          const row = kernel.let(`${top} + ${y} + ${i}u`);
          const place = kernel.let(`${x} * ${OWN_POSITIONS}u + ${j}u`);
          const at = kernel.let(`start + ${place}`);
          const value = kernel.variable("f32", "-1e38f");
          kernel.block(`if (${row} < ${this.#height} && ${at} < ${length})`, () => {
            const flat = kernel.let(
              `(${which} * ${this.#height} + ${row}) * ${this.#positions} + ${this.#before} + ${at}`,
            );
            const index = broadcastIndex(kernel, { shape: attrs.shape, flat }, shapeOf(mask));
            const hidden = all.at(mask, index);
            kernel.line(`${value} = score${i}_${j} * ${floatLiteral(attrs.alpha)} + ${hidden};`);
          });
          kernel.line(`${scores}[(${y} + ${i}u) * ${BLOCK + 1}u + ${place}] = ${value};`);
        });
      }
    }
  }

  /** Turns scores into weights, relative to the largest so far, one invocation for each row. */
  #weigh(): void {
    const { kernel } = this;
    const { scores, factors } = this.#names;
    const each = (body: (score: string) => void) =>
      kernel.block(`for (var at = 0u; at < ${BLOCK}u; at++)`, () => {
        body(`${scores}[lane * ${BLOCK + 1}u + at]`);
      });
    kernel.block(`if (lane < ${this.#rows}u)`, () => {
      kernel.line("let before = largest;");
      each((score) => kernel.line(`largest = max(largest, ${score});`));
      kernel.line("let factor = exp(before - largest);");
      kernel.line("total *= factor;");
      each((score) => {
        const weight = kernel.let(`exp(${score} - largest)`);
        kernel.line(`${score} = ${weight};`);
        kernel.line(`total += ${weight};`);
      });
      kernel.line(`${factors}[lane] = factor;`);
    });
  }

  /** Adds the values of a block, by their weights. */
  #add(): void {
    const { kernel } = this;
    const { x, y, memory, scores, factors } = this.#names;
    const vectors = this.#vectors / SIDE;
    this.#eachSum((sum, i) => kernel.line(`${sum} *= ${factors}[${y} + ${i}u];`));
    kernel.block(`for (var at = 0u; at < ${BLOCK}u; at++)`, () => {
      this.#eachSum((sum, i, c) => {
        const weight = kernel.once(
          `weight ${i}`,
          () => kernel.let(`${scores}[(${y} + ${i}u) * ${BLOCK + 1}u + at]`),
        );
        const value = kernel.once(
          `value ${c}`,
          () => kernel.let(`${memory}[at * ${this.#line}u + ${x} * ${vectors}u + ${c}u]`),
        );
        kernel.line(`${sum} += ${weight} * ${value};`);
      });
    });
  }
}
