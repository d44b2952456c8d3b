/** Walks over graphs: evaluation order, inputs, listing, and the work a graph does. */

import { showType, sizeOf } from "../tensor/mod.ts";
import { type Node, shapeOf } from "./node.ts";
import { type MatmulAttrs, matmulSizes } from "./ops/matmul.ts";
import { inputName } from "./ops/source.ts";

/** Every node that `outputs` need, each after its inputs. */
export function topologicalOrder(outputs: Iterable<Node>): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  // An explicit stack: a deep model would overflow the call stack.
  const stack: { node: Node; next: number }[] = [];
  for (const output of outputs) {
    if (seen.has(output)) continue;
    seen.add(output);
    stack.push({ node: output, next: 0 });
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const child = top.node.inputs[top.next++];
      if (!child) {
        order.push(top.node);
        stack.pop();
      } else if (!seen.has(child)) {
        seen.add(child);
        stack.push({ node: child, next: 0 });
      }
    }
  }
  return order;
}

/**
 * The input nodes among `nodes`, by name.
 *
 * @throws {TypeError} when two inputs of the same name differ in type.
 */
export function inputsOf(nodes: Iterable<Node>): Map<string, Node> {
  const inputs = new Map<string, Node>();
  for (const node of nodes) {
    const name = inputName(node);
    if (name === undefined) continue;
    const other = inputs.get(name);
    if (other && showType(other.type) !== showType(node.type)) {
      throw new TypeError(
        `Cannot use input "${name}" both as ${showType(other.type)} and ${showType(node.type)}`,
      );
    }
    if (!other) inputs.set(name, node);
  }
  return inputs;
}

/** One line per node: `%3 = matmul(%1, %2) {"transB":true}: float32[4, 8]`. */
export function printGraph(outputs: readonly Node[]): string {
  const numbers = new Map<Node, number>();
  return topologicalOrder(outputs).map((node, number) => {
    numbers.set(node, number);
    const inputs = node.inputs.map((input) => `%${numbers.get(input)}`).join(", ");
    const attrs = node.op.name === "constant" ? "{}" : JSON.stringify(node.attrs);
    return `%${number} = ${node.op.name}(${inputs})${attrs === "{}" ? "" : " " + attrs}: ` +
      showType(node.type);
  }).join("\n");
}

/**
 * Floating-point operations of the matrix products that `outputs` need: two for each multiply-add.
 * Everything else is left out, as is usual; it is less than one percent at the size of real models.
 */
export function matmulFlops(outputs: readonly Node[]): number {
  let flops = 0;
  for (const node of topologicalOrder(outputs)) {
    if (node.op.name !== "matmul") continue;
    const [a, b] = node.inputs as [Node, Node];
    const { inner } = matmulSizes(a.type, b.type, node.attrs as MatmulAttrs);
    flops += 2 * sizeOf(shapeOf(node)) * inner;
  }
  return flops;
}
