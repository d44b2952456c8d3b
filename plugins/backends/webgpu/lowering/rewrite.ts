/** Graphs with some of their nodes replaced by others. */

import { apply, type Node, topologicalOrder } from "../../../../core/graph/mod.ts";

/** What takes a node's place, made from what nodes before it `became`; undefined: nothing does. */
export type Replace = (node: Node, became: (earlier: Node) => Node) => Node | undefined;

/** `outputs` with each node as `replace` has it, and all that is made from it made anew. */
export function rewrite<Output extends string>(
  outputs: Readonly<Record<Output, Node>>,
  replace: Replace,
): Record<Output, Node> {
  const names = Object.keys(outputs) as Output[];
  const made = new Map<Node, Node>();
  const became = (node: Node) => made.get(node)!;
  for (const node of topologicalOrder(names.map((name) => outputs[name]))) {
    const inputs = node.inputs.map(became);
    const isSame = inputs.every((input, i) => input === node.inputs[i]);
    const same = () => isSame ? node : apply(node.op, inputs, node.attrs);
    made.set(node, replace(node, became) ?? same());
  }
  const entries = names.map((name) => [name, made.get(outputs[name])!] as const);
  return Object.fromEntries(entries) as Record<Output, Node>;
}
