/**
 * Which values get memory. A kernel of its own has what needs one (products, sums, rows), what
 * several kernels read, and what is given out; everything else is worked out inside the kernel that
 * reads it.
 */

import { constantValue, inputName, type Node, ops, shapeOf } from "../../../../core/graph/mod.ts";
import { sizeOf } from "../../../../core/tensor/mod.ts";
import { ATTENTION } from "../kernels/attention.ts";
import { isInline, isView, literalOf } from "../wgsl/expressions.ts";
import { type Scope, sourcesOf } from "./scopes.ts";

/** What a kernel may be bound to, and how much it may do. */
export interface FusionLimits {
  /** In how many bindings a kernel may be that reads what a node is made from, and writes the node. */
  readonly mostBindings: number;
  /** In how many bindings a value is. */
  readonly bindingsOf: (node: Node) => number;
}

/** Operations in one kernel, at most. */
const MOST_OPERATIONS = 200;

/** Parts of a list that are told apart inside a kernel, at most; more of them are written one by one. */
const MOST_PARTS = 4;

/** From so many evaluations an element, what costs something is worked out once instead. */
const MANY = 8;

/** What takes more than a cycle or two. */
const COSTLY: ReadonlySet<string> = new Set([
  "div",
  "exp",
  "log",
  "sqrt",
  "erf",
  "sigmoid",
  "tanh",
  "silu",
  "gatherRows",
  "takeLast",
  "concat",
  "pad",
]);

/**
 * The nodes that are in memory: inputs, constants, and what kernels make.
 *
 * @param order each after its inputs; those without a scope are not needed
 */
export function fuse(
  outputs: readonly Node[],
  order: readonly Node[],
  scopes: ReadonlyMap<Node, Scope>,
  limits: FusionLimits,
): ReadonlySet<Node> {
  const needed = order.filter((node) => scopes.has(node));
  const plainChoices = findPlainChoices(needed, scopes);
  const stored = new Set<Node>(outputs);
  /** The kernels that a node is worked out in. */
  const kernelsOf = new Map<Node, Set<Node>>();
  const readBy = (node: Node, kernel: Node) => {
    let kernels = kernelsOf.get(node);
    if (!kernels) kernelsOf.set(node, kernels = new Set());
    kernels.add(kernel);
  };
  for (const node of needed.toReversed()) {
    if (isSource(node)) {
      if (literalOf(node) === undefined) stored.add(node);
      continue;
    }
    const kernels = kernelsOf.get(node) ?? new Set();
    const inlines = isInline(node) && (node.op !== ops.choose || plainChoices.has(node)) &&
      canInline(node, kernels);
    if (!inlines) stored.add(node);
    for (const source of sourcesOf(node)) {
      if (stored.has(node)) readBy(source, node);
      else for (const kernel of kernels) readBy(source, kernel);
    }
  }
  for (const node of needed) if (stored.has(node) && !isSource(node)) fit(node, stored, limits);
  return stored;
}

/** Whether a node brings a value in from outside. */
export function isSource(node: Node): boolean {
  return inputName(node) !== undefined || constantValue(node) !== undefined;
}

/** Choices of which neither value needs anything that is not needed anyway. */
function findPlainChoices(needed: readonly Node[], scopes: ReadonlyMap<Node, Scope>): Set<Node> {
  const plain = new Set(needed.filter((node) => node.op === ops.choose));
  for (const node of needed) {
    if (isSource(node)) continue;
    for (let scope = scopes.get(node); scope?.branch; scope = scope.branch.around) {
      plain.delete(scope.branch.choice);
    }
  }
  return plain;
}

function canInline(node: Node, kernels: ReadonlySet<Node>): boolean {
  if (isView(node) || node.op === ops.countUp) return true;
  if (node.op === ops.concat && node.inputs.length > MOST_PARTS) return false;
  const reusing = [...kernels].filter((kernel) => reusesElements(kernel));
  if (node.op === ops.dequantize) return reusing.length === kernels.size;
  if (kernels.size > 1 || reusing.length > 0) return false;
  const [kernel] = kernels;
  return !kernel || !COSTLY.has(node.op.name) || evaluations(kernel) < MANY * sizeOf(shapeOf(node));
}

/** Kernels that read each element many times. */
function reusesElements(kernel: Node): boolean {
  return kernel.op === ops.matmul || kernel.op === ATTENTION || kernel.op === ops.scatterRows;
}

/** How many elements a kernel goes through. */
function evaluations(kernel: Node): number {
  const sizes = [kernel, ...sourcesOf(kernel)].map((node) => sizeOf(shapeOf(node)));
  return Math.max(...sizes);
}

/** Stores parts of what a node takes until each of its kernels reads few enough values. */
function fit(node: Node, stored: Set<Node>, limits: FusionLimits): void {
  for (const sources of kernelSources(node)) fitKernel(node, sources, stored, limits);
}

/** What each kernel reads that a stored node takes. */
function kernelSources(node: Node): readonly (readonly Node[])[] {
  const [first, ...others] = node.inputs as [Node, ...Node[]];
  switch (node.op.name) {
    case "concat":
      return node.inputs.map((part) => [part]);
    case "choose":
      return node.inputs.map((part) => [part]);
    case "putRows":
      return [[first], others];
    default:
      return [sourcesOf(node)];
  }
}

function fitKernel(
  to: Node,
  sources: readonly Node[],
  stored: Set<Node>,
  { mostBindings, bindingsOf }: FusionLimits,
): void {
  const fits = (node: Node, bindings: number) => bindings + bindingsOf(node) <= mostBindings;
  const weigh = (from: readonly Node[]) => {
    const { leaves, inside } = reach(from, stored);
    const bindings = leaves.values().reduce((sum, leaf) => sum + bindingsOf(leaf), 0);
    return { bindings, inside };
  };
  for (;;) {
    const { bindings, inside } = weigh(sources);
    if (fits(to, bindings) && inside.size <= MOST_OPERATIONS) return;
    let best: { node: Node; bindings: number; operations: number } | undefined;
    for (const node of inside) {
      if (isView(node) || node.op === ops.countUp) continue;
      const own = weigh(sourcesOf(node));
      const operations = own.inside.size;
      if (!fits(node, own.bindings) || operations > MOST_OPERATIONS / 2) continue;
      const isBetter = !best || own.bindings > best.bindings ||
        (own.bindings === best.bindings && operations > best.operations);
      if (isBetter) best = { node, bindings: own.bindings, operations };
    }
    if (!best) return;
    stored.add(best.node);
  }
}

/** What a kernel with these sources reads, and what it works out on the way. */
function reach(
  sources: readonly Node[],
  stored: ReadonlySet<Node>,
): { leaves: Set<Node>; inside: Set<Node> } {
  const leaves = new Set<Node>();
  const inside = new Set<Node>();
  const stack = [...sources];
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (stored.has(node)) leaves.add(node);
    else if (literalOf(node) === undefined && !inside.has(node)) {
      inside.add(node);
      stack.push(...sourcesOf(node));
    }
  }
  return { leaves, inside };
}
