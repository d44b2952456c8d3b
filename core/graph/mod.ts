/** Typed tensor graphs: nodes, operations, gradients, and walks over them. */
export { apply, defineOp, GraphError, type Node, type OpDef, shapeOf } from "./node.ts";
export * from "./ops/mod.ts";
export { gradients, pullBack } from "./gradient.ts";
export { inputsOf, matmulFlops, printGraph, rebuild, topologicalOrder } from "./walk.ts";
