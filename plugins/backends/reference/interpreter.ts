/** Walks a graph and computes it node by node. */

import { inputName, inputsOf, type Node, ops, topologicalOrder } from "../../../core/graph/mod.ts";
import {
  bindShape,
  isRuntimeSize,
  resolveShape,
  resolveSize,
  showType,
  type SizeBindings,
  type TensorType,
} from "../../../core/tensor/mod.ts";
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

/**
 * Values of the plan's outputs, in their order, given a value for each input name.
 *
 * @param known sizes that the feeds bring with them
 */
export function interpret(
  { order, spent, outputs }: Plan,
  feeds: ReadonlyMap<string, Value>,
  known: SizeBindings,
): Value[] {
  const values = new Map<Node, Value>();
  const bindings = new Map(known);
  order.forEach((node, step) => {
    values.set(node, valueOf(node, values, feeds, bindings));
    for (const done of spent[step]!) values.delete(done);
  });
  return outputs.map((node) => values.get(node)!);
}

function valueOf(
  node: Node,
  values: ReadonlyMap<Node, Value>,
  feeds: ReadonlyMap<string, Value>,
  bindings: Map<string, number>,
): Value {
  const name = inputName(node);
  if (name !== undefined) return feeds.get(name)!;
  // The table pairs each name with the settings of that operation; the node has both, but the
  // compiler cannot know that they belong together.
  const kernel = kernels[node.op.name as ComputedOp] as (call: Call<unknown>) => Values;
  const inputs = node.inputs.map((input) => values.get(input)!);
  if (node.op === ops.nonZero || node.op === ops.countUp) {
    const data = kernel({ inputs, attrs: node.attrs, type: node.type });
    const shape = [data.length];
    if (bindShape(node.type.shape, shape, bindings)) return { dtype: "int32", shape, data };
    throw new TypeError(`internal: ${node.op.name} found ${data.length} of ${showType(node.type)}`);
  }
  const type = { dtype: node.type.dtype, shape: resolveShape(node.type.shape, bindings) };
  const attrs = node.op === ops.constant ? node.attrs : resolved(node.attrs, bindings);
  return { ...type, data: kernel({ inputs, attrs, type }) };
}

/** Settings with every size as it is in this run. */
function resolved(attrs: unknown, bindings: SizeBindings): unknown {
  if (typeof attrs === "number") {
    return isRuntimeSize(attrs) ? resolveSize(attrs, bindings) : attrs;
  }
  if (Array.isArray(attrs)) return attrs.map((each) => resolved(each, bindings));
  if (typeof attrs !== "object" || attrs === null) return attrs;
  return Object.fromEntries(
    Object.entries(attrs).map(([key, value]) => [key, resolved(value, bindings)]),
  );
}
