/** exp10 started without `-P`: asked for in a terminal, refused in one line without. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { outcomeOf, ROOT, testWithProcesses, works } from "./command.ts";

testWithProcesses("without permissions and terminal exp10 prints the right command", async () => {
  const { code, stdout, stderr } = await outcomeOf(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "scripts/exp10.ts", "--fresh", "--set", "steps=3"],
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1" },
    }).spawn(),
  );
  assert.equal(code, 2, stderr);
  assert.equal(stdout, "");
  assert.match(
    stderr,
    /^error: permission missing \([^\n]+\); run it as: deno run -P scripts\/exp10\.ts --fresh --set steps=3\n$/,
  );
});

testWithProcesses("in a terminal exp10 asks for each permission, with the reason", async () => {
  // The misspelt option ends the script once everything is granted.
  const granted = await inTerminal("y", "--frsh");
  assert.equal(granted.code, 2, granted.text);
  assert.match(granted.text, /asks for "read" to read the model/);
  assert.match(granted.text, /asks for "ffi" to load ONNX Runtime/);
  assert.match(granted.text, /unknown option '--frsh'/);

  const denied = await inTerminal("n");
  assert.equal(denied.code, 2, denied.text);
  assert.match(denied.text, /cannot run without "read"; .*deno run -P scripts\/exp10\.ts/);
  assert.doesNotMatch(denied.text, /asks for "ffi"/);
}, () => hasPython() ? undefined : "python3 with pty");

/**
 * Python, as Deno cannot open a terminal: answers every prompt, and exits with the child's code.
 * Deno throws away what is typed before a prompt is ready, so an answer is given, and given again,
 * when nothing has come for a moment.
 */
const TERMINAL = `
import os, pty, select, signal, sys, time
answer, command = sys.argv[1].encode() + b"\\n", sys.argv[2:]
child, terminal = pty.fork()
if child == 0:
    os.execv(command[0], command)
asked, deadline = False, time.monotonic() + 30
while True:
    if time.monotonic() > deadline:
        os.kill(child, signal.SIGKILL)
    if terminal in select.select([terminal], [], [], 0.2)[0]:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        asked = b"[y/n" in data
        sys.stdout.buffer.write(data)
    elif asked:
        os.write(terminal, answer)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
`;

async function inTerminal(answer: string, ...args: string[]) {
  const deno = [Deno.execPath(), "run", join(ROOT, "scripts/exp10.ts"), ...args];
  const { code, stdout, stderr } = await outcomeOf(
    new Deno.Command("python3", {
      args: ["-c", TERMINAL, answer, ...deno],
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1" },
    }).spawn(),
  );
  return { code, text: stdout + stderr };
}

function hasPython(): boolean {
  return works("python3", "-c", "import pty, os; os.waitstatus_to_exitcode");
}
