/** What Python's sentencepiece and transformers make of a few hundred texts. */

import assert from "node:assert/strict";
import { goldenCases, type GoldenModel, loadGolden } from "./support.ts";

const MODELS: readonly GoldenModel[] = ["identity", "nmt_nfkc", "bare"];

for (const model of MODELS) {
  Deno.test(`${model}: ids and decoded texts are Python's`, async () => {
    const tokenizer = await loadGolden(model);
    const cases = goldenCases(model);
    assert.ok(cases.length > 80);
    for (const { text, ids, decoded } of cases) {
      assert.deepEqual([...tokenizer.encode(text)], ids, JSON.stringify(text));
      assert.equal(tokenizer.decode(ids), decoded, JSON.stringify(text));
    }
  });

  Deno.test(`${model}: ids are Python's with "legacy": false, too`, async () => {
    const tokenizer = await loadGolden(model, { "tokenizer_config.json": { legacy: false } });
    for (const { text, newIds } of goldenCases(model)) {
      assert.deepEqual([...tokenizer.encode(text)], newIds, JSON.stringify(text));
    }
  });

  Deno.test(`${model}: tokens begin where Python says`, async () => {
    const tokenizer = await loadGolden(model);
    for (const { text, ids, begins } of goldenCases(model)) {
      // All of a user-defined piece begins at its beginning for Python, parts of it too.
      if (text.includes("small bird")) continue;
      const { starts, ends } = tokenizer.offsets(text, ids);
      begins?.forEach((begin, i) => {
        assert.ok(begin === null || starts[i] === begin, `${JSON.stringify(text)}: token ${i}`);
        assert.ok(starts[i]! <= ends[i]! && ends[i]! <= text.length);
      });
    }
  });
}

Deno.test("no tokenizer_config.json is as an empty one, and as Llama's own", async () => {
  const config = { "add_bos_token": true, "bos_token": "<s>", "eos_token": { "content": "</s>" } };
  const told = await loadGolden("identity", { "tokenizer_config.json": config });
  for (const { text, ids } of goldenCases("identity")) {
    assert.deepEqual([...told.encode(text)], ids);
  }
});
