/** Routed passes through a decoder, what they are charged, and how they are read. */
export * from "./bypass.ts";
export * from "./calibration.ts";
export * from "./compaction.ts";
export * from "./controls.ts";
export * from "./diagnostics.ts";
export * from "./flops.ts";
export * from "./forward.ts";
export * from "./information.ts";
export * from "./lookup.ts";
export * from "./penalties.ts";
export * from "./prompt.ts";
export * from "./reading.ts";
export * from "./sampling.ts";
