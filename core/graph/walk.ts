/** Walks over graphs: evaluation order, inputs, listing, and the work a graph does. */

import { isRuntimeSize, showType, sizeOf } from "../tensor/mod.ts";
import { apply, type Node, shapeOf } from "./node.ts";
import { afterOp } from "./ops/control.ts";
import { type MatmulAttrs, matmulSizes } from "./ops/matmul.ts";
import { inputName } from "./ops/source.ts";

/**
 * Every node that `outputs` need, each after its inputs.
 *
 * @param ends nodes that are not looked behind, whatever they were made from
 */
export function topologicalOrder(
  outputs: Iterable<Node>,
  ends: ReadonlySet<Node> = new Set(),
): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  // An explicit stack: a deep model would overflow the call stack.
  const stack: { node: Node; next: number }[] = [];
  for (const output of outputs) {
    if (seen.has(output)) continue;
    seen.add(output);
    stack.push({ node: output, next: 0 });
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const child = ends.has(top.node) ? undefined : top.node.inputs[top.next++];
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
 * `outputs` made anew from `replaced`: every node that depends on one of its keys is applied again,
 * all others are shared.
 */
export function rebuild(outputs: readonly Node[], replaced: ReadonlyMap<Node, Node>): Node[] {
  const made = new Map(replaced);
  for (const node of topologicalOrder(outputs, new Set(replaced.keys()))) {
    if (made.has(node)) continue;
    const inputs = node.inputs.map((input) => made.get(input)!);
    const same = inputs.every((input, i) => input === node.inputs[i]);
    made.set(node, same ? node : apply(node.op, inputs, node.attrs));
  }
  return outputs.map((node) => made.get(node)!);
}

/** `nodes`, each as what it was before any waiting: a value and its recomputation are one node. */
function withoutWaiting(nodes: readonly Node[]): Node[] {
  const made = new Map<Node, Node>();
  for (const node of nodes) {
    const inputs = node.inputs.map((input) => made.get(input)!);
    const same = inputs.every((input, i) => input === node.inputs[i]);
    const passes = node.op === afterOp;
    made.set(node, passes ? inputs[0]! : same ? node : apply(node.op, inputs, node.attrs));
  }
  return [...made.values()];
}

/**
 * Floating-point operations of the matrix products that `outputs` need: two for each multiply-add.
 * What is computed a second time to save memory counts once. Everything else is left out, as is
 * usual; it is less than one percent at the size of real models.
 *
 * @throws {RangeError} where sizes are known at run time only.
 */
export function matmulFlops(outputs: readonly Node[]): number {
  let flops = 0;
  for (const node of new Set(withoutWaiting(topologicalOrder(outputs)))) {
    if (node.op.name !== "matmul") continue;
    const [a, b] = node.inputs as [Node, Node];
    const { inner } = matmulSizes(a.type, b.type, node.attrs as MatmulAttrs);
    if ([...shapeOf(node), inner].some(isRuntimeSize)) {
      throw new RangeError(`Cannot count the operations of ${showType(node.type)}`);
    }
    flops += 2 * sizeOf(shapeOf(node)) * inner;
  }
  return flops;
}
