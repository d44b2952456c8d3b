/** Routed passes through a decoder, what they are charged, and how they are read. */
export * from "./calibration.ts";
export * from "./controls.ts";
export * from "./diagnostics.ts";
export * from "./forward.ts";
export * from "./penalties.ts";
