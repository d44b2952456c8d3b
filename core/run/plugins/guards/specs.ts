/** Parameters that plugins declare. */

import { type ParamSpecs, PluginFault, UserError } from "../../../contracts/mod.ts";
import { checkSpecs } from "../../../nn/mod.ts";

/**
 * The same declarations, if they are such.
 *
 * @param what whose they are, for messages: `plugin "x" (./x.ts): router "mine".params`
 * @throws {PluginFault} naming the parameter that is declared wrong.
 */
export function checkedSpecs(specs: ParamSpecs, what: string): ParamSpecs {
  try {
    checkSpecs(specs, what);
  } catch (error) {
    throw error instanceof UserError ? new PluginFault(error.message) : error;
  }
  return specs;
}
