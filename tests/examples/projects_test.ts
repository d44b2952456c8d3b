/** The example plugins as projects of their own, with nothing of ours but what `@dlr/dlr` exports. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { KINDS } from "./checkpoints.ts";
import gemma2 from "../../examples/gemma2/mod.ts";
import gptNeoX from "../../examples/gpt_neox/mod.ts";

const PROJECTS = { "gpt_neox": gptNeoX, "gemma2": gemma2 };

for (const [folder, plugin] of Object.entries(PROJECTS)) {
  const path = fileURLToPath(new URL(`../../examples/${folder}`, import.meta.url));

  Deno.test(`${folder} type-checks by its own deno.json`, async () => {
    const check = new Deno.Command(Deno.execPath(), { args: ["check", "mod.ts"], cwd: path });
    const { success, stderr } = await check.output();
    assert.ok(success, new TextDecoder().decode(stderr));
  });

  Deno.test(`${folder} imports nothing but @dlr/dlr, and explains itself`, async () => {
    for await (const { name } of Deno.readDir(path)) {
      if (!name.endsWith(".ts")) continue;
      const source = await Deno.readTextFile(`${path}/${name}`);
      const imported = [...source.matchAll(/from "(?<from>[^"]+)"/g)].map((m) =>
        m.groups!["from"]!
      );
      assert.deepEqual(
        imported.filter((from) => from !== "@dlr/dlr" && !from.startsWith("./")),
        [],
      );
    }
    const readme = await Deno.readTextFile(`${path}/README.md`);
    for (const name of Object.keys(plugin.models!)) {
      assert.match(readme, new RegExp(`\\b${name}\\b`));
    }
  });

  Deno.test(`${folder}'s drawn model is one that it reads, with a block to spare for routers`, () => {
    const drawn = Object.values(plugin.models!).find((model) => "config" in model)!;
    assert.equal(drawn.tokenizer, "nano");
    const kind = Object.values(KINDS).find(({ architectures }) =>
      architectures.includes((drawn.config["architectures"] as string[])[0]!)
    )!;
    const { dims } = kind.fromConfig(drawn.config, "the drawn model's configuration");
    assert.equal(dims.vocabSize, 1024);
    assert.ok(dims.numLayers > 4 && dims.maxPositions >= 512);
  });
}
