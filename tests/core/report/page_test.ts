/** The HTML file: joined from its sources, closed to the network, and to what strangers write. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { asJson, reportPage } from "../../../core/report/page.ts";
import { type PageData } from "../../../core/report/page_data.ts";

const EMPTY: PageData = {
  root: "results",
  readAt: "2026-01-01T00:00:00.000Z",
  runs: [],
  rest: { version: "0", points: [], evaluations: [], notes: [] },
};

const only = (page: string, pattern: RegExp) => {
  const found = [...page.matchAll(pattern)];
  assert.equal(found.length, 1, `${pattern} is there ${found.length} times`);
  return found[0]![1]!;
};

Deno.test("the page is one file: a style, a script, and data, with nothing left to fetch", async () => {
  const page = await reportPage(EMPTY);
  const script = only(page, /<script type="module">([\s\S]*?)<\/script>/g);
  const style = only(page, /<style>([\s\S]*?)<\/style>/g);
  assert.match(script, /function startTable\(/);
  assert.doesNotMatch(script, /^\s*(?:import|export)\b/m);
  assert.doesNotMatch(page, /<script[^>]*\ssrc=|<link rel="stylesheet"|@import|url\((?!#)/);
  // Whatever the page may run has the hash of what is there.
  const policy = only(page, /Content-Security-Policy" content="([^"]*)"/g);
  const hash = (text: string) => createHash("sha256").update(text).digest("base64");
  assert.ok(policy.includes(`script-src 'sha256-${hash(script)}'`));
  assert.ok(policy.includes(`style-src 'sha256-${hash(style)}'`));
  assert.match(policy, /^default-src 'none'/);
  assert.match(policy, /connect-src 'none'/);
  assert.ok(page.indexOf("Content-Security-Policy") < page.indexOf("<style>"));
});

Deno.test("a live page may ask its own server, and knows that it is one", async () => {
  const page = await reportPage(EMPTY, { live: true });
  assert.match(page, /connect-src 'self'/);
  const data = only(page, /<script type="application\/json" id="data">(.*?)<\/script>/g);
  assert.deepEqual(JSON.parse(data), { ...EMPTY, live: true });
});

Deno.test("no text of a run can end the element that it stands in", async () => {
  const hostile = "</script><script>alert(1)</script><!-- $& $' \u2028 &lt;";
  const page = await reportPage({ ...EMPTY, root: hostile });
  const data = only(page, /<script type="application\/json" id="data">(.*?)<\/script>/g);
  assert.equal(JSON.parse(data).root, hostile);
  assert.doesNotMatch(page, /alert\(1\)<\/script>/);
  assert.doesNotMatch(asJson(hostile), /[<>&\u2028]/);
});
