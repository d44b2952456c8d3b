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
  readonly outputs: readonly Node[];
  /** How often each value is used: once more for an output. */
  readonly uses: ReadonlyMap<Node, number>;
}

/** Finds what `outputs` take, and counts how often each value is used. */
export function plan(outputs: readonly Node[]): Plan {
  const order = topologicalOrder(outputs);
  const uses = new Map<Node, number>();
  const count = (node: Node) => uses.set(node, (uses.get(node) ?? 0) + 1);
  order.forEach((node) => node.inputs.forEach(count));
  outputs.forEach(count);
  const inputs = [...inputsOf(order)].map(([name, node]) => [name, node.type] as const);
  return { inputs: new Map(inputs), outputs, uses };
}

/**
 * Values of the plan's outputs, in their order, given a value for each input name. What is not chosen
 * is not computed, and what nothing needs any more is let go.
 *
 * @param known sizes that the feeds bring with them
 */
export function interpret(
  { outputs, uses }: Plan,
  feeds: ReadonlyMap<string, Value>,
  known: SizeBindings,
): Value[] {
  const values = new Map<Node, Value>();
  const bindings = new Map(known);
  const left = new Map(uses);
  const wanted = outputs.toReversed();
  while (wanted.length > 0) {
    const node = wanted.at(-1)!;
    const missing = values.has(node) ? [] : needed(node, values).filter((one) => !values.has(one));
    if (missing.length > 0) {
      wanted.push(...missing.toReversed());
      continue;
    }
    wanted.pop();
    if (values.has(node)) continue;
    values.set(node, valueOf(node, values, feeds, bindings));
    for (const input of node.inputs) {
      left.set(input, left.get(input)! - 1);
      if (left.get(input) === 0) values.delete(input);
    }
  }
  return outputs.map((node) => values.get(node)!);
}

/** What a node cannot be computed without; of a choice only its condition, until that is known. */
function needed(node: Node, values: ReadonlyMap<Node, Value>): readonly Node[] {
  if (node.op !== ops.choose) return node.inputs;
  const [condition, first, second] = node.inputs as [Node, Node, Node];
  const known = values.get(condition);
  return known ? [known.data[0] ? first : second] : [condition];
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
