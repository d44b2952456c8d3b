/** Reverse-mode differentiation, from graph to graph. */

import { sameShape } from "../tensor/mod.ts";
import { type Node, shapeOf } from "./node.ts";
import { add } from "./ops/elementwise.ts";
import { broadcastTo } from "./ops/movement.ts";
import { scalar } from "./ops/source.ts";
import { topologicalOrder } from "./walk.ts";

/**
 * Gradients of a scalar `loss` with respect to each node of `wrt`, in that order. Only what lies
 * between them is differentiated: frozen weights and detached branches cost nothing. A node that the
 * loss does not depend on gets zeros.
 *
 * @throws {TypeError} when the loss is not a scalar.
 */
export function gradients(loss: Node, wrt: readonly Node[]): Node[] {
  if (shapeOf(loss).length !== 0) {
    throw new TypeError(`Cannot differentiate a loss of shape [${shapeOf(loss)}]: it needs []`);
  }
  return pullBack(loss, scalar(1), wrt);
}

/**
 * What a gradient `cotangent` with respect to `output` amounts to for each node of `wrt`.
 *
 * @param ends nodes that are not looked behind, whatever they were made from
 */
export function pullBack(
  output: Node,
  cotangent: Node,
  wrt: readonly Node[],
  ends: ReadonlySet<Node> = new Set(),
): Node[] {
  const order = topologicalOrder([output], ends);
  const wanted = new Set(wrt);
  const depends = new Set<Node>();
  for (const node of order) {
    const throughInputs = !ends.has(node) && node.inputs.some((input) => depends.has(input));
    if (wanted.has(node) || throughInputs) depends.add(node);
  }

  const cotangents = new Map<Node, Node>([[output, cotangent]]);
  for (const node of order.toReversed()) {
    const own = cotangents.get(node);
    if (!own || !depends.has(node) || node.inputs.length === 0 || ends.has(node)) continue;
    if (!wanted.has(node)) cotangents.delete(node);
    const needs = node.inputs.map((input) => depends.has(input));
    const parts = node.op.gradient({
      node,
      inputs: node.inputs,
      attrs: node.attrs,
      cotangent: own,
      needs,
    });
    node.inputs.forEach((input, i) => {
      const part = parts[i];
      if (!part || !needs[i]) return;
      if (!sameShape(shapeOf(part), shapeOf(input))) {
        throw new TypeError(
          `internal: the gradient of ${node.op.name} for input ${i} has shape ` +
            `[${shapeOf(part)}], not [${shapeOf(input)}]`,
        );
      }
      const sum = cotangents.get(input);
      cotangents.set(input, sum ? add(sum, part) : part);
    });
  }
  return wrt.map((node) => cotangents.get(node) ?? broadcastTo(scalar(0), shapeOf(node)));
}
