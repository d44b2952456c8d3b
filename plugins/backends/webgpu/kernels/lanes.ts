/** Invocations that work on one thing together, and what they find put together. */

import { type Shape } from "../../../../core/tensor/mod.ts";
import { type Expressions } from "../wgsl/expressions.ts";
import { knownSize } from "../wgsl/indices.ts";
import { countOf } from "../wgsl/sizes.ts";
import { type KernelWriter } from "../wgsl/writer.ts";
import { GROUP, type KernelPlan, spread } from "./plan.ts";

/** Things that each have a row of elements to go through. */
export interface LanesPlan {
  readonly label: string;
  /** As many things as this shape has elements. */
  readonly things: Shape;
  /** As many elements each as this shape has. */
  readonly elements: Shape;
  /** Writes what is done about one of them. */
  readonly write: (lanes: Lanes, all: Expressions) => void;
}

/** Up to so many elements one invocation goes through them alone. */
const FEW = 32;

/** Invocations without memory in common that make a workgroup. */
const ALONE = 64;

/** A kernel whose invocations share the elements of a thing. */
export function withLanes({ label, things, elements, write }: LanesPlan): KernelPlan {
  const known = knownSize(elements);
  const lanes = known === undefined ? 64 : known <= FEW ? 1 : known <= 512 ? 64 : 256;
  const count = countOf(things);
  const invocations = lanes === 1 ? ALONE : lanes;
  return {
    label,
    invocations,
    groups: (sizes) => spread(lanes === 1 ? Math.ceil(count(sizes) / ALONE) : count(sizes)),
    write(kernel, all) {
      const thing = lanes === 1 ? kernel.let(`(${GROUP}) * ${ALONE}u + lane`) : kernel.let(GROUP);
      kernel.line(`if (${thing} >= ${kernel.count(things)}) { return; }`);
      write(new Lanes(kernel, lanes, thing, kernel.count(elements)), all);
    },
  };
}

/** The invocations of one thing. */
export class Lanes {
  #memory: string | undefined;

  constructor(
    readonly kernel: KernelWriter,
    private readonly lanes: number,
    /** The thing's number. */
    readonly thing: string,
    /** How many elements it has. */
    readonly count: string,
  ) {}

  /** Goes through the elements, each in one of the invocations. */
  each(body: (at: string) => void): void {
    const { kernel, lanes } = this;
    const first = lanes === 1 ? "0u" : "lane";
    kernel.block(
      `for (var at = ${first}; at < ${this.count}; at += ${lanes}u)`,
      () => body("at"),
    );
  }

  /** What the invocations found, put together in a fixed order; all of them know it then. */
  together(own: string, join: (a: string, b: string) => string): string {
    const { kernel, lanes } = this;
    if (lanes === 1) return kernel.let(own);
    const memory = this.#memory ??= kernel.shared(`array<f32, ${lanes}>`);
    kernel.line(`${memory}[lane] = ${own};`);
    kernel.line("workgroupBarrier();");
    kernel.block(`for (var half = ${lanes / 2}u; half > 0u; half >>= 1u)`, () => {
      kernel.block("if (lane < half)", () => {
        kernel.line(`${memory}[lane] = ${join(`${memory}[lane]`, `${memory}[lane + half]`)};`);
      });
      kernel.line("workgroupBarrier();");
    });
    const all = kernel.let(`${memory}[0u]`);
    kernel.line("workgroupBarrier();");
    return all;
  }

  /** The sum over all elements. */
  sum(term: (at: string) => string): string {
    const { kernel } = this;
    const own = kernel.variable("f32", "0f");
    this.each((at) => kernel.line(`${own} += ${term(at)};`));
    return this.together(own, (a, b) => `${a} + ${b}`);
  }

  /** In one of the invocations only. */
  once(body: () => void): void {
    if (this.lanes === 1) body();
    else this.kernel.block("if (lane == 0u)", body);
  }
}
