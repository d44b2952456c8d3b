/** Keys and values that stay on a device: the texts of a cache on the host, and nothing left over. */

import assert from "node:assert/strict";
import { type DeviceTensor } from "../../../core/contracts/mod.ts";
import {
  continueSpeculatively,
  continueTexts,
  DeviceCache,
  Passes,
  readPrompts,
} from "../../../core/inference/mod.ts";
import { referenceBackend } from "../../../plugins/backends/reference/mod.ts";
import { keepingBackend } from "../../support/keeping_backend.ts";
import { MODEL } from "../../support/tiny_student.ts";
import { tinyModel } from "../eval/scoring/support.ts";
import { type RouterName } from "../eval/support.ts";
import { collect, promptsOf } from "./support.ts";

const LENGTHS = [9, 4, 12, 3];

for (
  const router of [undefined, "token-gumbel", "sequence-gumbel", "static without a layer"] as const
) {
  const open = (router: RouterName | undefined, onDevice: boolean) => {
    const model = tinyModel(router ? "routed" : "fullDepth", router);
    const backend = keepingBackend(referenceBackend());
    return { passes: new Passes(onDevice ? { ...model, backend } : model), backend };
  };

  Deno.test(`a device's cache writes the texts of the host's, ${router ?? "dense"}`, async () => {
    const prompts = promptsOf(...LENGTHS);
    // Texts end one after the other.
    const isOver = (text: number, made: readonly number[]) => made.length > 3 + 2 * text;
    const write = (passes: Passes) =>
      collect(continueTexts(passes, prompts, { maxTokens: 10, isOver, chunk: 5 }), prompts.length);
    const [host, device] = [open(router, false), open(router, true)];
    assert.deepEqual(await write(device.passes), await write(host.passes));
    assert.equal(device.backend.held, 0);
  });
}

Deno.test("a device's cache drafts and confirms as the host's", async () => {
  const prompts = promptsOf(9, 4);
  const backend = keepingBackend(referenceBackend());
  const write = (more: Partial<ReturnType<typeof tinyModel>>) => {
    const draft = new Passes({ ...tinyModel("routed"), ...more });
    const full = new Passes({ ...tinyModel("fullDepth"), ...more });
    const options = { maxTokens: 8, draftTokens: 3 };
    return collect(continueSpeculatively(draft, full, prompts, options), prompts.length);
  };
  assert.deepEqual(await write({ backend }), await write({}));
  assert.equal(backend.held, 0);
});

Deno.test("prompts that cannot be read to their end leave nothing on the device", async () => {
  const backend = keepingBackend(referenceBackend());
  await using passes = new Passes({ ...tinyModel("fullDepth"), backend });
  backend.failAfter(3);
  await assert.rejects(readPrompts(passes, promptsOf(9, 4), 3), /The device failed/);
  assert.equal(backend.held, 0);
});

Deno.test("a device's cache has room for more positions than it began with", async () => {
  const backend = keepingBackend(referenceBackend());
  await using passes = new Passes({ ...tinyModel("fullDepth"), backend });
  const { cache } = await readPrompts(passes, promptsOf(5, 3));
  using _ = cache;
  assert.ok(cache instanceof DeviceCache);
  assert.deepEqual(cache.lengths, [5, 3]);
  const [name] = Object.keys(cache.memory) as [string];
  // As many as the model reads: what there is room for at a time is more.
  const { type } = cache.memory[name] as DeviceTensor;
  assert.deepEqual(type.shape, [2, 1, MODEL.dims.maxPositions, 8]);
});

Deno.test("a device's cache refuses more tokens than the model reads", async () => {
  const backend = keepingBackend(referenceBackend());
  await using passes = new Passes({ ...tinyModel("fullDepth"), backend });
  using cache = passes.openCache(1);
  await cache.append({}, [MODEL.dims.maxPositions]);
  assert.deepEqual(cache.lengths, [MODEL.dims.maxPositions]);
  await assert.rejects(async () => await cache.append({}, [1]), {
    name: "RangeError",
    message: /32 positions/,
  });
});
