/** Evaluation: losses of text under a router's gates and under others, and questions with choices. */
export * from "./analysis/mod.ts";
export * from "./model_frontier.ts";
export * from "./choices.ts";
export * from "./comparison.ts";
export * from "./evaluation_graphs.ts";
export * from "./evaluator.ts";
export * from "./harness/mod.ts";
export * from "./interval.ts";
export * from "./lookup_controls.ts";
export * from "./static_mask.ts";
export * from "./scoring/mod.ts";
export * from "./text_loss.ts";
export * from "./token_categories.ts";
