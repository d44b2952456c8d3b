/**
 * Kits that check what any plugin must satisfy. Each gives a list of promises; `keepAll` checks them
 * one after the other, and `testOf` makes a test of each.
 *
 * ```ts
 * import { type DecoderModel } from "@dlr/dlr";
 * import { modelPromises, testOf } from "@dlr/dlr/conformance";
 * import { oracle } from "@dlr/dlr/backends/reference";
 *
 * declare const model: DecoderModel; // your own
 *
 * for (const promise of modelPromises({ model, oracle })) {
 *   Deno.test(testOf("my model", promise));
 * }
 * ```
 *
 * @module
 */
export * from "./backend/mod.ts";
export { CLOSE, type Tolerance } from "./closeness.ts";
export * from "./corpus.ts";
export * from "./launcher/mod.ts";
export * from "./model/mod.ts";
export { type Evaluate, type HostFeeds, type Oracle } from "./oracle.ts";
export {
  type Figure,
  type Finding,
  keep,
  keepAll,
  type Outcome,
  type PluginPromise,
  showNumber,
  showOutcome,
  testOf,
} from "./promise.ts";
export * from "./router/mod.ts";
export * from "./task/mod.ts";
// A checkpoint to hold a model against: a folder of it that is open.
export {
  type JsonObject,
  type ModelFolder,
  openModelFolder,
  type RawTensor,
  type StoredTensor,
  type StoredType,
  type TensorSource,
} from "../io/mod.ts";
