/** Which part of a graph is needed only if a choice falls one way. */

import { type Node, ops } from "../../../../core/graph/mod.ts";
import { isView } from "../wgsl/expressions.ts";

/** The whole graph, or what is needed for one of two choices only. */
export interface Scope {
  /** The choice, and which of its values needs this; absent for the whole graph. */
  readonly branch?: { readonly choice: Node; readonly side: 0 | 1; readonly around: Scope };
  readonly depth: number;
}

/** What a node's value is made from: not what it only comes after, or what only gradients need. */
export function sourcesOf(node: Node): readonly Node[] {
  return isView(node) ? node.inputs.slice(0, 1) : node.inputs;
}

/**
 * The innermost scope that all users of a node are in; nodes that no output needs have none.
 *
 * @param order each after its inputs
 */
export function scopesOf(outputs: readonly Node[], order: readonly Node[]): Map<Node, Scope> {
  const whole: Scope = { depth: 0 };
  const scopes = new Map<Node, Scope>();
  const use = (node: Node, scope: Scope) => {
    const other = scopes.get(node);
    scopes.set(node, other ? common(other, scope) : scope);
  };
  outputs.forEach((node) => use(node, whole));
  for (const node of order.toReversed()) {
    const scope = scopes.get(node);
    if (!scope) continue;
    if (node.op !== ops.choose) {
      for (const source of sourcesOf(node)) use(source, scope);
      continue;
    }
    const [condition, ...values] = node.inputs as [Node, Node, Node];
    use(condition, scope);
    values.forEach((value, side) => {
      const branch = { choice: node, side: side as 0 | 1, around: scope };
      use(value, { branch, depth: scope.depth + 1 });
    });
  }
  return scopes;
}

function common(a: Scope, b: Scope): Scope {
  while (!isSame(a, b)) {
    if (a.depth >= b.depth) a = a.branch!.around;
    else b = b.branch!.around;
  }
  return a;
}

function isSame(a: Scope, b: Scope): boolean {
  return a === b ||
    (a.branch !== undefined && a.branch.choice === b.branch?.choice &&
      a.branch.side === b.branch.side);
}
