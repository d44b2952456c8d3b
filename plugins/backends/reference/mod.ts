/** The `reference` backend: a float64 interpreter, the oracle for tests. */
export { evaluate, type HostFeeds, referenceBackend, type ReferenceOptions } from "./backend.ts";
