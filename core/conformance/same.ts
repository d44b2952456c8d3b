/** Whether two values are the same, to the bit. */

import { AssertionError } from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";

/**
 * Fails with `says` alone unless both are the same: of large tensors nobody wants a list of what
 * differs, and making one takes minutes.
 *
 * @throws {AssertionError}
 */
export function assertSame(actual: unknown, expected: unknown, says: string): void {
  if (!isDeepStrictEqual(actual, expected)) throw new AssertionError({ message: says });
}

/** Fails with `says` where both are the same. @throws {AssertionError} */
export function assertDiffers(actual: unknown, other: unknown, says: string): void {
  if (isDeepStrictEqual(actual, other)) throw new AssertionError({ message: says });
}
