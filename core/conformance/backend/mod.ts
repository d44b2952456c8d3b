/**
 * What every backend promises: the numbers of the oracle on every operation and its gradients, clear
 * refusals, and the same bits twice.
 */

import { type PluginPromise } from "../promise.ts";
import { operationPromises } from "./operation_promises.ts";
import { programPromises } from "./program_promises.ts";
import { refusalPromises } from "./refusal_promises.ts";
import { type BackendSubject } from "./subject.ts";

export { type BackendSubject } from "./subject.ts";

/** All promises of a backend. */
export function backendPromises(subject: BackendSubject): PluginPromise[] {
  return [...operationPromises(subject), ...refusalPromises(subject), ...programPromises(subject)];
}
