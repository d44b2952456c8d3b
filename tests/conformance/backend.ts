/** What every backend promises, a test each. */

import { backendPromises } from "../../core/conformance/backend/mod.ts";
import { type Tolerance } from "../../core/conformance/closeness.ts";
import { testOf } from "../../core/conformance/promise.ts";
import { type Backend } from "../../core/contracts/backend.ts";
import { oracle } from "../../plugins/backends/reference/mod.ts";

/** Makes a backend; the suite disposes of it. */
export type MakeBackend = () => Backend | Promise<Backend>;

/**
 * Declares the tests of a backend. Call it once from the backend's own test file.
 *
 * @param name the backend's name, which opens the name of each test
 * @param make a fresh backend for each test
 * @param tolerance how far from the float64 reference its numbers may be
 */
export function testBackend(name: string, make: MakeBackend, tolerance: Tolerance): void {
  for (const promise of backendPromises({ make, tolerance, oracle })) {
    Deno.test(testOf(name, promise));
  }
}
