/** The server of a live report: what it tells, to whom, and that it gives away nothing else. */

import assert from "node:assert/strict";
import { connect } from "node:net";
import { join } from "node:path";
import { type PageVersions } from "../../../../core/report/page_data.ts";
import { watchResults } from "../../../../core/run/report/watch.ts";
import { continueRun } from "../../../../core/run/run_folder.ts";
import { Results } from "./support.ts";

/** Serves a folder, quickly looked at, on a port of its own. */
const serve = ({ root }: Results) => watchResults({ results: root, port: 0, interval: 20 });

const post = (address: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${address}changes`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

/** The states that a stream of events tells, one after the other. */
async function* versionsOf(address: string, signal: AbortSignal): AsyncGenerator<PageVersions> {
  const { body } = await fetch(`${address}events`, { signal });
  let text = "";
  for await (const piece of body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    const messages = text.split("\n\n");
    text = messages.pop()!;
    for (const message of messages) {
      const data = /^event: versions\ndata: (.*)$/.exec(message);
      assert.ok(data, message);
      yield JSON.parse(data[1]!);
    }
  }
}

/** A request in words, as no client would send it; what comes back up to its end. */
function raw(address: string, lines: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write([...lines, "Connection: close", "", ""].join("\r\n"));
    });
    let text = "";
    socket.on("data", (bytes) => text += bytes);
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
  });
}

Deno.test("the page comes with what is there, and closed to frames and other sites", async () => {
  using results = new Results();
  results.run("runs/one");
  await using server = serve(results);
  const response = await fetch(server.address);
  assert.equal(response.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(response.headers.get("cross-origin-resource-policy"), "same-origin");
  assert.match(response.headers.get("content-security-policy")!, /frame-ancestors 'none'/);
  assert.match(await response.text(), /"id":"runs\/one"/);
});

Deno.test("those who listen hear of every change, and get what they ask for", async () => {
  using results = new Results();
  const folder = results.run("a", { status: "running" });
  await using server = serve(results);
  const stop = new AbortController();
  const heard = versionsOf(server.address, stop.signal);
  const next = async () => (await heard.next()).value as PageVersions;
  const statusOf = async (id: string) => {
    const { runs } = await (await post(server.address, { runs: [id], rest: false })).json();
    return [runs[0].status, runs[0].step];
  };
  const first = await next();
  assert.deepEqual(first.runs.map(([id]) => id), ["a"]);
  assert.deepEqual(await statusOf("a"), ["killed", 20]);

  const run = continueRun(folder);
  const running = await next();
  assert.notEqual(running.runs[0]![1], first.runs[0]![1]);
  assert.deepEqual(await statusOf("a"), ["running", 20]);

  Deno.writeTextFileSync(join(folder, "metrics.csv"), "21,0,1.9,,,,,,,,,,,,,,,,,\n", {
    append: true,
  });
  await next();
  assert.deepEqual(await statusOf("a"), ["running", 21]);

  run.finish({ loss: 1 });
  run[Symbol.dispose]();
  await next();
  assert.deepEqual(await statusOf("a"), ["finished", 21]);

  results.run("b", { startedAt: "2026-12-01T00:00:00Z" });
  assert.deepEqual((await next()).runs.map(([id]) => id), ["a", "b"]);
  stop.abort();
});

Deno.test("only who calls this machine by its loopback name is answered", async () => {
  using results = new Results();
  await using server = serve(results);
  const { port } = new URL(server.address);
  const answer = async (host: string) =>
    (await raw(server.address, ["GET / HTTP/1.1", `Host: ${host}`])).split("\r\n")[0];
  assert.match((await answer(`127.0.0.1:${port}`))!, / 200 /);
  assert.match((await answer(`localhost:${port}`))!, / 200 /);
  for (const host of [`rebound.example:${port}`, "127.0.0.1", `127.0.0.1.example:${port}`]) {
    assert.match((await answer(host))!, / 403 /, host);
  }
  const foreign = await post(server.address, { runs: [], rest: true }, {
    origin: "http://elsewhere.example",
  });
  assert.equal(foreign.status, 403);
  await foreign.body?.cancel();
});

Deno.test("no path and no name leads to a file", async () => {
  using results = new Results();
  results.run("one");
  results.write("secret", "note.txt");
  await using server = serve(results);
  const { host } = new URL(server.address);
  const paths = ["/note.txt", "/../note.txt", "/%2e%2e/note.txt", "/one/run.json", "//etc/passwd"];
  for (const path of paths) {
    const answer = await raw(server.address, [`GET ${path} HTTP/1.1`, `Host: ${host}`]);
    assert.match(answer, /^HTTP\/1\.1 404 /, path);
    assert.doesNotMatch(answer, /secret|startedAt/);
  }
  const asked = await post(server.address, { runs: ["../one", "note.txt", "/etc"], rest: false });
  assert.deepEqual(await asked.json(), { runs: [] });
});

Deno.test("requests of another form are refused", async () => {
  using results = new Results();
  await using server = serve(results);
  const status = async (response: Promise<Response>) => {
    const got = await response;
    await got.body?.cancel();
    return got.status;
  };
  assert.equal(await status(post(server.address, "{")), 400);
  assert.equal(await status(post(server.address, { runs: "all", rest: true })), 400);
  assert.equal(await status(post(server.address, {}, { "content-type": "text/plain" })), 415);
  assert.equal(await status(post(server.address, " ".repeat(1 << 21))), 413);
  assert.equal(await status(fetch(server.address, { method: "PUT" })), 404);
});

Deno.test("a taken port is said so, and left alone where none was asked for", async () => {
  using results = new Results();
  await using server = serve(results);
  const port = Number(new URL(server.address).port);
  assert.throws(
    () => watchResults({ results: results.root, port }),
    new RegExp(`Port ${port} is taken: choose another --port`),
  );
});
