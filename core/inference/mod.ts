/** Running a model: passes of any size over kept memory, and continuing texts with them. */
export * from "./cache.ts";
export * from "./continuation.ts";
export * from "./device_cache.ts";
export * from "./export.ts";
export * from "./inference_model.ts";
export * from "./merged.ts";
export * from "./pass_graph.ts";
export * from "./passes.ts";
export * from "./sampling.ts";
export * from "./speculation.ts";
export * from "./text_stream.ts";
export * from "./weight_format.ts";
