/** A router whose parameters are all zero but for the last bias: its log-odds are known. */

import { type Decision, type RouterKind } from "../../../core/contracts/mod.ts";
import { input, type Node } from "../../../core/graph/mod.ts";
import { inputNodes, ParamNodes } from "../../../core/nn/mod.ts";
import { leadingPrompt } from "../../../core/routing/mod.ts";
import { floats, type FloatTensor, type HostTensor } from "../../../core/tensor/mod.ts";
import { evaluate } from "../../../plugins/backends/reference/mod.ts";
import { uniform } from "../../conformance/router_setup.ts";
import { contextInputs } from "../../conformance/routing_context.ts";

/** A training decision about `[batch, length]` tokens whose log-odds are `logits` for all of them. */
export interface ConstantRouter {
  readonly decision: Decision;
  /** The last bias, which holds the log-odds. */
  readonly bias: Node;
  readonly noise: FloatTensor;
  /** Values of nodes at a temperature, after a prompt of no tokens. */
  run<Name extends string>(
    outputs: Readonly<Record<Name, Node>>,
    temperature?: number,
  ): Record<Name, HostTensor>;
}

export function constantRouter<Options>(
  kind: RouterKind<Options>,
  options: Record<string, unknown>,
  [batch, length]: readonly [number, number],
  logits: readonly number[],
): ConstantRouter {
  const site = { hiddenSize: 4, anchorLayers: 1, routableLayers: logits.length };
  const router = kind.create(kind.options.parse(options));
  const specs = router.params(site);
  const nodes = inputNodes(specs);
  const values: Record<string, HostTensor> = Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => [name, floats(shape)]),
  );
  const last = Object.keys(specs).filter((name) => name.endsWith(".bias")).at(-1)!;
  values[last] = floats([logits.length], logits);
  const noise = uniform([batch, length, logits.length], "constant router");
  const state = input("state", [batch, length, site.hiddenSize]);
  const context = contextInputs("train", [batch, length], site);
  return {
    decision: router.decide(new ParamNodes(nodes), state, site, context),
    bias: nodes[last]!,
    noise,
    run: (outputs, temperature = 1) =>
      evaluate(outputs, {
        ...values,
        noise,
        state: floats(state.type.shape),
        temperature: floats([], [temperature]),
        targetSkip: floats([]),
        tokenMask: leadingPrompt(batch, length, length),
        promptMask: leadingPrompt(batch, length, 0),
      }),
  };
}

/** The logistic function. */
export const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
