/** Parts that models, routers and training steps are built from. */
export * from "./activations.ts";
export * from "./attention.ts";
export * from "./base_precision.ts";
export * from "./linear.ts";
export * from "./lora.ts";
export * from "./mlp.ts";
export * from "./norm.ts";
export * from "./param_specs.ts";
export * from "./params.ts";
export * from "./projections.ts";
export * from "./rope_tables.ts";
