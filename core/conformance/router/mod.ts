/**
 * What every router promises: gates of 0 or 1 that repeat, a threshold that means what it says,
 * decisions that come from what they are said to come from and from nothing else, and a gradient for
 * everything that is trained.
 */

import { type RouterKind } from "../../contracts/mod.ts";
import { type Oracle } from "../oracle.ts";
import { type PluginPromise } from "../promise.ts";
import { decisionPromises } from "./decision_promises.ts";
import { blindPromises, promptPromises, statePromises } from "./kind_promises.ts";
import { routerOptionPromises } from "./option_promises.ts";
import { readsOf, type RouterSubject } from "./subject.ts";

export { type Reads, readsOf, type RouterSubject } from "./subject.ts";

/** All promises of a router with its options chosen. */
export function routerPromises(subject: RouterSubject): PluginPromise[] {
  const router = subject.make();
  const reads = subject.reads ?? readsOf(router);
  const [shapes, ...decisions] = decisionPromises(subject, reads) as [
    PluginPromise,
    ...PluginPromise[],
  ];
  const others = [
    ...decisions,
    ...(router.decidesBy === "state" ? statePromises(subject) : blindPromises(subject)),
    ...(reads === "prompt" ? promptPromises(subject) : []),
  ];
  return [shapes, ...others.map((promise) => ({ ...promise, needs: shapes.name }))];
}

/**
 * All promises of a kind of router: of its options, and of what it makes.
 *
 * @param given options of the router that is checked; its defaults unless told
 */
export function routerKindPromises(
  kind: RouterKind,
  oracle: Oracle,
  given: Readonly<Record<string, unknown>> = {},
): PluginPromise[] {
  const options = routerOptionPromises(kind, given);
  const make = () => kind.create(kind.options.parse(given));
  try {
    return [...options, ...routerPromises({ make, oracle })];
  } catch {
    // There is no router to ask: one of the promises about options says why.
    return options;
  }
}
