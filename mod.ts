/**
 * dlr: dynamic layer routing. Teach a pretrained language model to skip decoder layers per token.
 *
 * This is what a plugin is written against: tensors and graphs, the contracts, the parts that models
 * are built from, and those of routed passes.
 *
 * @module
 */
export * from "./core/tensor/mod.ts";
export * from "./core/graph/mod.ts";
export * from "./core/contracts/mod.ts";
export * from "./core/nn/mod.ts";
export * from "./core/io/config_fields.ts";
export * from "./core/io/rope_config.ts";
export * from "./core/routing/mod.ts";
export { checkedRow, choiceTask } from "./core/eval/harness/task_kinds.ts";
