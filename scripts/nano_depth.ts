/**
 * How much depth matters to a model: what its loss becomes when blocks are left out, untrained.
 *
 *   deno task nano-depth                       nano on microworld
 */

import "../core/run/permissions.ts";
import { newCommand, readOptions } from "../core/run/command.ts";
import { runScript } from "../core/run/script.ts";
import { resolveConfig } from "../core/run/config.ts";
import { type RouterOptions } from "../core/run/config_schema.ts";
import { loadParts } from "../core/run/parts.ts";
import { RunRepositories } from "../core/run/repositories.ts";
import { formatTable } from "../core/run/table.ts";
import { randomGates } from "../core/routing/mod.ts";
import { floats, RandomStream } from "../core/tensor/mod.ts";
import { Evaluator, type GatesOf } from "../core/eval/mod.ts";
import { builtinPlugins } from "../plugins/mod.ts";
import { tokenGumbel } from "../plugins/routers/token_gumbel.ts";

const BATCHES = 20;
const SEED = 0;

const command = newCommand(
  "deno task nano-depth",
  "Shows what nano's loss becomes when blocks are left out, without any training.",
);

await runScript(async () => {
  readOptions(command);
  const config = await resolveConfig({
    // No anchor layers: every block takes its turn.
    defaults: { name: "nano-depth", router: { name: "token-gumbel", anchorLayers: 0 } },
    routerOptions: new Map([[tokenGumbel.name, tokenGumbel.options as unknown as RouterOptions]]),
    overrides: { steps: "1" },
  });
  await using parts = await loadParts(config, builtinPlugins(), new RunRepositories());
  const { backend, student, frozen, trainable } = parts;
  await using evaluator = new Evaluator(backend, student, frozen, trainable);
  const batches = parts.validationBatches(BATCHES);
  const layers = student.model.dims.numLayers;
  const base = await evaluator.base(batches);

  const measure = async (name: string, gates: GatesOf) => {
    const { loss, perplexity } = await evaluator.baseUnder(batches, gates);
    return [name, loss, perplexity, perplexity / base.perplexity] as const;
  };
  const without = (dropped: (layer: number) => boolean): GatesOf => (shape) => {
    const gates = floats(shape);
    return floats(shape, gates.data.map((_, i) => dropped(i % layers) ? 0 : 1));
  };
  const rows = [
    ["all blocks", base.loss, base.perplexity, 1] as readonly [
      string,
      number,
      number,
      number,
    ],
  ];
  for (let layer = 0; layer < layers; layer++) {
    rows.push(await measure(`without block ${layer}`, without((other) => other === layer)));
  }
  for (const skip of [0.1, 0.2, 0.3, 0.4]) {
    const gates: GatesOf = (shape, batch) => {
      const drawn = randomGates(shape, 1 - skip, new RandomStream(SEED, `skip ${skip}`, batch));
      // The first four always run, as in the experiments.
      return floats(shape, drawn.data.map((gate, i) => i % layers < 4 ? 1 : gate));
    };
    rows.push(await measure(`random ${skip * 100}% of blocks 4 to ${layers - 1}`, gates));
  }
  for (const kept of [10, 8, 6]) {
    rows.push(await measure(`only the first ${kept} blocks`, without((layer) => layer >= kept)));
  }
  console.log(
    `${config.model} on ${base.tokens} validation tokens of ${config.data}, untrained:\n` +
      formatTable(
        [
          { title: "blocks" },
          { title: "loss", digits: 3 },
          { title: "perplexity", digits: 2 },
          { title: "× all", digits: 2 },
        ],
        rows,
      ),
  );
});
