/**
 * dlr: dynamic layer routing. Teach a pretrained language model to skip decoder layers per token.
 *
 * This is what a plugin is written against: tensors and graphs, the contracts, the parts that models
 * are built from, and the routed passes. Training, evaluation and files are here too, for scripts of
 * your own.
 *
 * @module
 */
export * from "./core/tensor/mod.ts";
export * from "./core/graph/mod.ts";
export * from "./core/contracts/mod.ts";
export * from "./core/nn/mod.ts";
export * from "./core/routing/mod.ts";
export * from "./core/train/mod.ts";
export * from "./core/eval/mod.ts";
export { loadTokenizer, openModelFolder, textCorpus, type Tokenizer } from "./core/io/mod.ts";
