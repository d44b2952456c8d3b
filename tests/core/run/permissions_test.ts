/** What a script does that was started without `-P`. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const canRun = Deno.permissions.querySync({ name: "run" }).state === "granted";
const why = canRun ? "" : " (ignored: needs --allow-run)";
const MODULE = fileURLToPath(new URL("../../../core/run/permissions.ts", import.meta.url));

async function start(...args: string[]): Promise<{ code: number; lines: string[] }> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...args],
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  return { code, lines: new TextDecoder().decode(stderr).trim().split("\n") };
}

Deno.test({
  name: `without permissions and terminal there is one line with the right command${why}`,
  ignore: !canRun,
  fn: async () => {
    const { code, lines } = await start(MODULE, "--set", "a='b c'");
    assert.equal(code, 2);
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /^error: permission missing \(read, write, env, ffi, sys\)/);
    assert.ok(lines[0]!.endsWith(`deno run -P core/run/permissions.ts --set 'a='\\''b c'\\'''`));
  },
});

Deno.test({
  name: `--help and granted permissions pass without a word${why}`,
  ignore: !canRun,
  fn: async () => {
    assert.deepEqual(await start(MODULE, "--help"), { code: 0, lines: [""] });
    const granted = ["read", "write", "env", "ffi", "sys"].map((name) => `--allow-${name}`);
    assert.deepEqual(await start(...granted, MODULE), { code: 0, lines: [""] });
  },
});
