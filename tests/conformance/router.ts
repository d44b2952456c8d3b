/** What every router promises, a test each. */

import { testOf } from "../../core/conformance/promise.ts";
import { type Reads, routerPromises } from "../../core/conformance/router/mod.ts";
import { type Router } from "../../core/contracts/mod.ts";
import { oracle } from "../../plugins/backends/reference/mod.ts";

/** What a router is held to. */
export interface RouterPromises {
  /** What it may read for the decision about one token. */
  readonly reads: Reads;
  /** What tells this router's tests from those of the same router with other options. */
  readonly variant?: string;
}

/**
 * Declares the tests of a router. Call it once from the router's own test file.
 *
 * @param make a fresh router, with any options
 */
export function testRouter(make: () => Router, { reads, variant }: RouterPromises): void {
  const name = [make().name, ...(variant ? [variant] : [])].join(" ");
  for (const promise of routerPromises({ make, oracle, reads })) Deno.test(testOf(name, promise));
}
