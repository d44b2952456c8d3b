/** Progress on terminals and in logs. */

import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { createProgress, formatDuration } from "../../../core/run/progress.ts";

/** A stream that remembers what was written to it. */
function fakeStream(isTerminal: boolean) {
  const stream = new PassThrough() as unknown as NodeJS.WriteStream;
  const written: string[] = [];
  stream.isTTY = isTerminal;
  stream.columns = 100;
  stream.write = ((text: string) => {
    written.push(text);
    return true;
  }) as typeof stream.write;
  return { stream, text: () => written.join("") };
}

Deno.test("a log gets a line now and then, with the time left, and one at the end", () => {
  const { stream, text } = fakeStream(false);
  let now = 0;
  const progress = createProgress({
    label: "train",
    total: 100,
    start: 20,
    stream,
    now: () => now,
    secondsBetweenLines: 10,
  });
  for (let step = 21; step <= 100; step++) {
    now += 1000;
    progress.update(step, { loss: 3.14159, skip: "30%" });
    if (step === 50) progress.note("validation 3.2");
  }
  progress.stop();
  const lines = text().trimEnd().split("\n");
  assert.equal(lines[0], "train 21/100  loss 3.142  skip 30%  1m 19s left");
  assert.equal(lines[1], "train 31/100  loss 3.142  skip 30%  1m 09s left");
  assert.ok(lines.includes("validation 3.2"));
  assert.equal(lines.at(-1), "train 100/100  loss 3.142  skip 30%  0s left");
  assert.equal(lines.length, 10);
  assert.ok(!text().includes("\x1b"), "escape codes in a log");
});

Deno.test("a terminal gets a bar, and notes stay above it", () => {
  const { stream, text } = fakeStream(true);
  const progress = createProgress({ label: "train", total: 4, stream });
  progress.update(2, { loss: 1.5 });
  progress.note("validation 3.2");
  progress.stop();
  assert.match(text(), /train [█░]+ 0\/4/);
  assert.match(text(), /validation 3\.2\n/);
  // The bar goes on below the note. When it stops, the cursor returns to where it was last saved,
  // which must be below the note as well, or the note would be wiped out.
  const afterNote = text().slice(text().indexOf("validation 3.2\n"));
  assert.match(afterNote, /█+░+ 2\/4 {2}loss 1\.500/);
  assert.ok(afterNote.includes("\x1b7") && afterNote.includes("\x1b8"));
});

Deno.test("quiet progress shows notes only", () => {
  const { stream, text } = fakeStream(true);
  const progress = createProgress({ label: "train", total: 4, stream, quiet: true });
  progress.update(4, { loss: 1 });
  progress.note("done");
  progress.stop();
  assert.equal(text(), "done\n");
});

Deno.test("durations are short and never negative", () => {
  const shown = [-3, 0.4, 59, 60, 3599, 3600, 7500].map(formatDuration);
  assert.deepEqual(shown, ["0s", "0s", "59s", "1m 00s", "59m 59s", "1h 00m", "2h 05m"]);
});
