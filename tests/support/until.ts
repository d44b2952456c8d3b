/** Waiting for what other processes do. */

import assert from "node:assert/strict";

/** Waits until something is so; fails, saying what, where that takes too long. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  seconds = 60,
): Promise<void> {
  const end = Date.now() + 1000 * seconds;
  while (!await isSo()) {
    assert.ok(Date.now() < end, `waited ${seconds}s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
