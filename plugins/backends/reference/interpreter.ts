/** Walks a graph and computes it node by node. */

import { inputName, inputsOf, type Node, topologicalOrder } from "../../../core/graph/mod.ts";
import { type TensorType } from "../../../core/tensor/mod.ts";
import { type Call, type Value, type Values } from "./kernel.ts";
import { type ComputedOp, kernels } from "./kernels/mod.ts";

/** A graph made ready to be computed many times. */
export interface Plan {
  /** The inputs it takes, by name. */
  readonly inputs: ReadonlyMap<string, TensorType>;
  /** Every node, each after its inputs. */
  readonly order: readonly Node[];
  /** For each node of `order`, the values that nothing needs any more once it is computed. */
  readonly spent: readonly (readonly Node[])[];
  readonly outputs: readonly Node[];
}

/** Works out in which order to compute `outputs`, and when each value can be let go. */
export function plan(outputs: readonly Node[]): Plan {
  const order = topologicalOrder(outputs);
  const lastUse = new Map<Node, number>();
  order.forEach((node, step) => {
    for (const input of node.inputs) lastUse.set(input, step);
  });
  for (const output of outputs) lastUse.delete(output);
  const spent: Node[][] = order.map(() => []);
  for (const [node, step] of lastUse) spent[step]!.push(node);
  const inputs = [...inputsOf(order)].map(([name, node]) => [name, node.type] as const);
  return { inputs: new Map(inputs), order, spent, outputs };
}

/** Values of the plan's outputs, in their order, given a value for each input name. */
export function interpret(
  { order, spent, outputs }: Plan,
  feeds: ReadonlyMap<string, Value>,
): Value[] {
  const values = new Map<Node, Value>();
  order.forEach((node, step) => {
    values.set(node, valueOf(node, values, feeds));
    for (const done of spent[step]!) values.delete(done);
  });
  return outputs.map((node) => values.get(node)!);
}

function valueOf(
  node: Node,
  values: ReadonlyMap<Node, Value>,
  feeds: ReadonlyMap<string, Value>,
): Value {
  const name = inputName(node);
  if (name !== undefined) return feeds.get(name)!;
  // The table pairs each name with the settings of that operation; the node has both, but the
  // compiler cannot know that they belong together.
  const kernel = kernels[node.op.name as ComputedOp] as (call: Call<unknown>) => Values;
  const inputs = node.inputs.map((input) => values.get(input)!);
  return { ...node.type, data: kernel({ inputs, attrs: node.attrs, type: node.type }) };
}
