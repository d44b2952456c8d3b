/** The `reference` backend: a float64 interpreter, the oracle for tests. */
import { type Backend } from "../../../core/contracts/backend.ts";
import { evaluate, referenceBackend } from "./backend.ts";

export { evaluate, type HostFeeds, referenceBackend, type ReferenceOptions } from "./backend.ts";

/** What the kits of core/conformance hold numbers against. */
export const oracle: { readonly evaluate: typeof evaluate; readonly backend: () => Backend } = {
  evaluate,
  backend: () => referenceBackend(),
};
