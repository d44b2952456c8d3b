/** Asking a model: how likely texts are, and what it would write. */
export * from "./asked_model.ts";
export * from "./generation.ts";
export * from "./passes.ts";
export * from "./plan.ts";
export * from "./scorer.ts";
export * from "./sequences.ts";
