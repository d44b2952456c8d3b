/**
 * AdamW on host arrays.
 *
 * ONNX Runtime hands every output over as a copy, so an update inside the compiled step would copy
 * parameters and both moments back each step; a plain loop over the few million trainable numbers
 * measures faster (`deno task bench:optimizer`).
 */

import { type Weights } from "../nn/mod.ts";
import { floats, type FloatTensor, type HostTensor } from "../tensor/mod.ts";

/** Settings of AdamW. */
export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), step for step as PyTorch computes it. */
export class AdamW {
  /** Exponential averages of gradients and of their squares, by parameter. */
  readonly first: Weights;
  readonly second: Weights;

  /**
   * @param params updated in place
   * @param decays whether a parameter decays; all do unless said otherwise
   * @param rateOf factor on the learning rate of a parameter at a step (counted from 1); 1 unless
   *   said otherwise
   */
  constructor(
    readonly params: Weights,
    readonly options: AdamWOptions,
    private readonly decays: (tensor: FloatTensor) => boolean = () => true,
    private readonly rateOf: (name: string, step: number) => number = () => 1,
  ) {
    const zeros = () =>
      Object.fromEntries(
        Object.entries(params).map(([name, { shape }]) => [name, floats(shape)]),
      );
    this.first = zeros();
    this.second = zeros();
  }

  /** What the root of the second average is divided by at a step, counted from 1. */
  rootCorrection(step: number): number {
    return Math.sqrt(1 - this.options.beta2 ** step);
  }

  /** How far a parameter goes along its first average at a step, and what is left of it before. */
  ratesOf(name: string, learningRate: number, step: number): { stepSize: number; shrink: number } {
    const { beta1, weightDecay } = this.options;
    const rate = learningRate * this.rateOf(name, step);
    return {
      stepSize: rate / (1 - beta1 ** step),
      shrink: 1 - (this.decays(this.params[name]!) ? rate * weightDecay : 0),
    };
  }

  /**
   * Takes one step.
   *
   * @param gradients by parameter
   * @param learningRate this step's
   * @param step counted from 1
   */
  step(gradients: Readonly<Record<string, HostTensor>>, learningRate: number, step: number): void {
    const { beta1, beta2, epsilon } = this.options;
    const rootCorrection = this.rootCorrection(step);
    for (const [name, tensor] of Object.entries(this.params)) {
      const { stepSize, shrink } = this.ratesOf(name, learningRate, step);
      const parameter = tensor.data;
      const gradient = gradients[name]!.data;
      const first = this.first[name]!.data;
      const second = this.second[name]!.data;
      for (let i = 0; i < parameter.length; i++) {
        const g = gradient[i]!;
        const m = first[i]! + (g - first[i]!) * (1 - beta1);
        const v = second[i]! * beta2 + g * g * (1 - beta2);
        first[i] = m;
        second[i] = v;
        parameter[i] = parameter[i]! * shrink -
          stepSize * m / (Math.sqrt(v) / rootCorrection + epsilon);
      }
    }
  }
}

/**
 * Scales all gradients so that their joint L2 norm is at most `maxNorm` (0 leaves them alone) and
 * returns the norm before, as `torch.nn.utils.clip_grad_norm_` does.
 */
export function clipByNorm(gradients: Readonly<Record<string, HostTensor>>, maxNorm: number) {
  let squares = 0;
  for (const { data } of Object.values(gradients)) {
    for (let i = 0; i < data.length; i++) squares += data[i]! * data[i]!;
  }
  const norm = Math.sqrt(squares);
  const factor = maxNorm / (norm + 1e-6);
  if (maxNorm > 0 && factor < 1) {
    for (const { data } of Object.values(gradients)) {
      for (let i = 0; i < data.length; i++) data[i]! *= factor;
    }
  }
  return norm;
}
