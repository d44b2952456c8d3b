/** What counts as refusing: an error for whoever gave something wrong, not for whoever wrote the plugin. */

import { PluginFault, UserError } from "../contracts/mod.ts";

/**
 * Whether an error refuses what was given. Guards make a line of everything that a plugin throws, which
 * must not be taken for one.
 */
export function isRefusal(error: unknown): error is UserError {
  return error instanceof UserError && !(error instanceof PluginFault);
}
