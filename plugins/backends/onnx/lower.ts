/** From a graph to an ONNX model. */

import { inputName, type Node, topologicalOrder } from "../../../core/graph/mod.ts";
import { type HostTensor } from "../../../core/tensor/mod.ts";
import { emitDequantized } from "./blocks.ts";
import { Emitter, type OnnxModel } from "./emitter.ts";
import { type Rule, rules } from "./rules.ts";

/** An ONNX model that computes `outputs`, each under its name after `out:`. */
export function toOnnx(outputs: Readonly<Record<string, Node>>): OnnxModel {
  const emit = new Emitter();
  const names = new Map<Node, string>();
  const nameOf = (node: Node): string => {
    let name = names.get(node);
    if (name === undefined) names.set(node, name = lower(emit, node, nameOf));
    return name;
  };
  for (const node of topologicalOrder(Object.values(outputs))) {
    if (!isMadeWhenUsed(node)) nameOf(node);
  }
  for (const [name, node] of Object.entries(outputs)) {
    emit.output(`out:${name}`, nameOf(node), node.type);
  }
  return emit.finish();
}

/** Four-bit weights, and inputs: they may be fed in another form than the graph has them. */
function isMadeWhenUsed(node: Node): boolean {
  return node.op.name === "dequantize" || inputName(node) !== undefined;
}

function lower(emit: Emitter, node: Node, nameOf: (node: Node) => string): string {
  const { name } = node.op;
  if (name === "input") return emit.input(inputName(node)!, node.type);
  if (name === "dequantize") return emitDequantized(emit, node);
  if (name === "constant") {
    const { value } = node.attrs as { value: HostTensor };
    const single = value.shape.length === 0 && value.dtype === "float32";
    return single ? emit.scalar(value.data[0]!) : emit.constant(value);
  }
  if (!(name in rules)) throw new TypeError(`The onnx backend has no operation "${name}"`);
  const rule = rules[name as keyof typeof rules] as Rule<never>;
  return rule(emit, node.inputs.map(nameUnlessWeight), node.attrs as never, node);

  /** A product makes its four-bit right operand itself. */
  function nameUnlessWeight(input: Node, at: number): string {
    const isWeight = name === "matmul" && at === 1 && input.op.name === "dequantize";
    return isWeight ? "" : nameOf(input);
  }
}
