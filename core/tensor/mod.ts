/** Tensors in ordinary memory, their types, and reproducible random numbers. */
export * from "./blocks.ts";
export * from "./dtype.ts";
export * from "./host.ts";
export * from "./random.ts";
export * from "./rows.ts";
export * from "./sizes.ts";
