/** What a router's decisions on a text depend on, and how sure that is. */
export * from "./bootstrap.ts";
export * from "./depth_loss.ts";
export * from "./gate_variance.ts";
export * from "./group_depth.ts";
export * from "./groupings.ts";
export * from "./layers.ts";
export * from "./observations.ts";
export * from "./routing_analysis.ts";
