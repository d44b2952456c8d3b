/** Which part of a graph is needed only if a choice falls one way. */

import { type Node, ops, topologicalOrder } from "../../../core/graph/mod.ts";

/** The whole graph, or what is needed for one of two choices only. */
export interface Scope {
  /** Absent for the whole graph. */
  readonly around?: Scope;
  readonly depth: number;
  /** What is computed here, each after its inputs. */
  readonly nodes: Node[];
}

/** Scopes of a graph. */
export interface ScopePlan {
  readonly whole: Scope;
  /** The scope of every node. */
  readonly scopeOf: ReadonlyMap<Node, Scope>;
  /** The scopes of a choice: what only its first, or only its second value needs. */
  readonly branchesOf: ReadonlyMap<Node, readonly [Scope, Scope]>;
}

/**
 * Puts each node into the innermost scope that all its users are in, but choices into the whole graph.
 */
export function planScopes(outputs: readonly Node[]): ScopePlan {
  const whole: Scope = { depth: 0, nodes: [] };
  const scopeOf = new Map<Node, Scope>();
  const branchesOf = new Map<Node, readonly [Scope, Scope]>();
  const use = (node: Node, scope: Scope) => {
    const other = scopeOf.get(node);
    scopeOf.set(node, other ? common(other, scope) : scope);
  };
  outputs.forEach((node) => use(node, whole));
  const order = topologicalOrder(outputs);
  for (const node of order.toReversed()) {
    // ONNX Runtime packs constant matrices for branches of the whole graph, but not for branches of
    // branches (1.30), where a product in blocks of four bits then takes twice the time.
    if (node.op === ops.choose) scopeOf.set(node, whole);
    const scope = scopeOf.get(node)!;
    if (node.op === ops.choose) {
      const branch = (): Scope => ({ around: scope, depth: scope.depth + 1, nodes: [] });
      const branches = [branch(), branch()] as const;
      branchesOf.set(node, branches);
      const [condition, a, b] = node.inputs as [Node, Node, Node];
      use(condition, scope);
      use(a, branches[0]);
      use(b, branches[1]);
    } else node.inputs.forEach((input) => use(input, scope));
  }
  for (const node of order) scopeOf.get(node)!.nodes.push(node);
  return { whole, scopeOf, branchesOf };
}

function common(a: Scope, b: Scope): Scope {
  while (a !== b) {
    if (a.depth >= b.depth) a = a.around!;
    else b = b.around!;
  }
  return a;
}
