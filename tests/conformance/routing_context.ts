/** A decision as a graph, as the kits have it. */
export * from "../../core/conformance/router/context.ts";
