/** A hub that nothing may be fetched from. */

import { type Repositories } from "../../../core/contracts/mod.ts";

/** Refuses every download. */
export const assertNoDownload: Repositories = {
  fetch: () => Promise.reject(new Error("nothing may be downloaded here")),
};
