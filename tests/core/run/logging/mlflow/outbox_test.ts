/** An outbox under everything that a server can do. */

import assert from "node:assert/strict";
import { MlflowFailure } from "../../../../../core/run/logging/mlflow/client.ts";
import { Outbox, pauseFor } from "../../../../../core/run/logging/mlflow/outbox.ts";

/** What `send` does with a batch: fail with this, or, given nothing, succeed. */
type Server = (batch: readonly number[], signal: AbortSignal) => unknown;

/** An outbox whose pauses take no time, what it delivered, and how long it would have waited. */
function outboxTo(server: Server, { batch = 3, most = 1000 } = {}) {
  const delivered: number[][] = [];
  const pauses: number[] = [];
  const outbox = new Outbox<number>(async (items, signal) => {
    const failure = await server(items, signal);
    if (failure !== undefined) throw failure;
    delivered.push([...items]);
  }, {
    batch,
    most,
    gather: 0.25,
    longestPause: 4,
    pause: (seconds) => {
      pauses.push(seconds);
      return pauseFor(0, new AbortController().signal);
    },
  });
  return { outbox, delivered, pauses };
}

const busy = () => new MlflowFailure("it answered 503", 503);
const NOTHING = { waiting: 0, refused: 0, lost: 0 };

/** Lets everything run that waits for a timer of no time. */
async function idle(): Promise<void> {
  for (let i = 0; i < 30; i++) await pauseFor(0, new AbortController().signal);
}

Deno.test("items are delivered in their order, in batches, without being waited for", async () => {
  const { outbox, delivered, pauses } = outboxTo(() => undefined);
  outbox.add([1, 2]);
  outbox.add([3, 4, 5, 6, 7]);
  assert.deepEqual(delivered, []);
  await idle();
  assert.deepEqual(delivered, [[1, 2, 3], [4, 5, 6], [7]]);
  // Only where a batch is not full is there something to be gathered.
  assert.deepEqual(pauses, [0.25, 0.25]);
  outbox.add([8]);
  const { reason, ...counts } = await outbox.close(10);
  assert.deepEqual([counts, reason], [NOTHING, undefined]);
  assert.deepEqual(delivered.flat(), [1, 2, 3, 4, 5, 6, 7, 8]);
});

Deno.test("a server that is away for a while gets everything later, once", async () => {
  let failures = 5;
  const { outbox, delivered, pauses } = outboxTo(() => failures-- > 0 ? busy() : undefined);
  outbox.add([1, 2, 3, 4]);
  await idle();
  assert.deepEqual(delivered, [[1, 2, 3], [4]]);
  assert.deepEqual(pauses, [1, 2, 4, 4, 4, 0.25]);
  assert.deepEqual(await outbox.close(10), { ...NOTHING, reason: "it answered 503" });
});

Deno.test("a failure of any kind leaves the training alone", async () => {
  const failures: unknown[] = [new RangeError("odd"), "text", new DOMException("x", "DataError")];
  const { outbox, delivered } = outboxTo(() => failures.shift());
  outbox.add([1]);
  await idle();
  assert.deepEqual(delivered, [[1]]);
  assert.equal((await outbox.close(10)).reason, "x");
});

Deno.test("a batch that is refused for what it says is dropped and counted", async () => {
  const { outbox, delivered } = outboxTo((batch) =>
    batch.includes(2) ? new MlflowFailure("it answered 400: no", 400) : undefined
  );
  outbox.add([1, 2, 3, 4]);
  assert.deepEqual(await outbox.close(10), {
    waiting: 0,
    refused: 3,
    lost: 0,
    reason: "it answered 400: no",
  });
  assert.deepEqual(delivered, [[4]]);
});

Deno.test("a refusal that may be over is not taken for one of the items", async () => {
  for (const status of [401, 403, 404, 408, 429, 500, 502]) {
    let failures = 1;
    const { outbox, delivered } = outboxTo(() =>
      failures-- > 0 ? new MlflowFailure("no", status) : undefined
    );
    outbox.add([1]);
    await idle();
    assert.deepEqual(delivered, [[1]], String(status));
    await outbox.close(1);
  }
});

Deno.test("at the end a server that is away is tried a few times, not for ever", async () => {
  let tries = 0;
  const { outbox, delivered } = outboxTo(() => {
    tries++;
    return busy();
  });
  outbox.add([1, 2, 3, 4]);
  await idle();
  const before = tries;
  const left = await outbox.close(1000);
  assert.deepEqual(left, { waiting: 4, refused: 0, lost: 0, reason: "it answered 503" });
  assert.ok(tries > before && tries - before <= 3, `${tries - before} tries at the end`);
  assert.deepEqual(delivered, []);
});

Deno.test("at the end a server that never answers is left after the time that there is", async () => {
  const { outbox } = outboxTo((_, signal) =>
    new Promise((_, fail) => signal.addEventListener("abort", () => fail(signal.reason)))
  );
  outbox.add([1, 2]);
  await idle();
  const left = await outbox.close(0.02);
  assert.deepEqual(left, { waiting: 2, refused: 0, lost: 0, reason: "the server is too slow" });
});

Deno.test("the end cuts a pause short", async () => {
  const delivered: number[] = [];
  const outbox = new Outbox<number>((items) => {
    delivered.push(...items);
    return Promise.resolve();
  }, { batch: 10, most: 10, gather: 3600, longestPause: 3600, pause: pauseFor });
  outbox.add([1]);
  assert.deepEqual(await outbox.close(5), { ...NOTHING, reason: undefined });
  assert.deepEqual(delivered, [1]);
});

Deno.test("there is an end to what is kept; what was there first stays", async () => {
  let away = true;
  const { outbox, delivered } = outboxTo(() => away ? busy() : undefined, { most: 4 });
  outbox.add([1, 2, 3]);
  outbox.add([4, 5, 6]);
  outbox.add([7]);
  away = false;
  const { lost, waiting } = await outbox.close(10);
  assert.deepEqual([lost, waiting], [3, 0]);
  assert.deepEqual(delivered.flat(), [1, 2, 3, 4]);
});
