/** What the tests of `core/io` share: temporary folders, one-line errors, data from outside. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../../core/contracts/errors.ts";

/** Runs `body` with an empty folder that is removed afterwards. */
export async function inFolder(body: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dlr_io_" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Asserts that `body` fails with a one-line UserError that matches every pattern. */
export async function userError(
  body: () => unknown,
  ...patterns: readonly (RegExp | string)[]
): Promise<void> {
  let failure: unknown;
  try {
    await body();
  } catch (error) {
    failure = error;
  }
  assert.ok(failure instanceof UserError, `expected a UserError, got ${failure}`);
  assert.ok(!failure.message.includes("\n"), `one line, not: ${failure.message}`);
  for (const pattern of patterns) {
    const found: boolean = typeof pattern === "string"
      ? failure.message.includes(pattern)
      : pattern.test(failure.message);
    assert.ok(found, `${JSON.stringify(failure.message)} should match ${pattern}`);
  }
}

/** Folder with data that is too large, or not ours, to be in the repository. */
const SHARED = join(fileURLToPath(new URL("../../../", import.meta.url)), "..", "shared", "data");

/** The path of a file of shared data. */
export function sharedPath(name: string): string {
  return join(SHARED, name);
}

/** A test that needs shared data: ignored, with the reason in its name, where it is absent. */
export function testWithData(name: string, data: string, body: () => void | Promise<void>): void {
  const absent = !fs.existsSync(sharedPath(data));
  Deno.test({
    name: absent ? `${name} [skipped: ../shared/data/${data} is absent]` : name,
    ignore: absent,
    fn: body,
  });
}
