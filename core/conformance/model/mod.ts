/**
 * What every model promises: parameters that are what they are said to be, passes that are causal and
 * the same however they are cut, gradients that are right, and adapters on every projection.
 */

import { type PluginPromise } from "../promise.ts";
import { adapterPromises } from "./adapter_promises.ts";
import { cachePromises } from "./cache_promises.ts";
import { checkpointPromises } from "./checkpoint_promises.ts";
import { declarationPromises, NEEDED } from "./declaration_promises.ts";
import { devicePromises } from "./device_promises.ts";
import { gradientPromises } from "./gradient_promises.ts";
import { passPromises } from "./pass_promises.ts";
import { ModelSetup, type ModelSubject } from "./subject.ts";

export { type Checkpoint, type Goldens, type ModelSubject, type RunExported } from "./subject.ts";
export { kindPromises } from "./kind_promises.ts";
export { type SmallModel, smallModel } from "./small_model.ts";

/** All promises of a model. */
export function modelPromises(subject: ModelSubject): PluginPromise[] {
  let made: ModelSetup | undefined;
  // Made when it is first needed: a model that cannot be asked breaks promises, not the list.
  const setUp = () => made ??= new ModelSetup(subject);
  const passes = [
    ...passPromises(setUp),
    ...cachePromises(setUp),
    ...adapterPromises(setUp),
    ...gradientPromises(setUp),
    ...devicePromises(subject, setUp),
  ];
  return [
    ...declarationPromises(subject, setUp),
    ...passes.map((promise) => ({ needs: NEEDED.shapes, ...promise })),
    ...checkpointPromises(subject),
  ];
}
