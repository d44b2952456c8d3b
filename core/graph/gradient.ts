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
  const order = topologicalOrder([loss]);
  const wanted = new Set(wrt);
  const depends = new Set<Node>();
  for (const node of order) {
    if (wanted.has(node) || node.inputs.some((input) => depends.has(input))) depends.add(node);
  }

  const cotangents = new Map<Node, Node>([[loss, scalar(1)]]);
  for (const node of order.toReversed()) {
    const cotangent = cotangents.get(node);
    if (!cotangent || !depends.has(node) || node.inputs.length === 0) continue;
    if (!wanted.has(node)) cotangents.delete(node);
    const needs = node.inputs.map((input) => depends.has(input));
    const parts = node.op.gradient({
      node,
      inputs: node.inputs,
      attrs: node.attrs,
      cotangent,
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
