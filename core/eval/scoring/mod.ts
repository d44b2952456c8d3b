/** Asking a model: how likely texts are, and what it would write. */
export * from "./greedy_text.ts";
export * from "./plan.ts";
export * from "./scorer.ts";
export * from "./sequences.ts";
