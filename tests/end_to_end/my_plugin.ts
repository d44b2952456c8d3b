/** A plugin as a third party would write it, and a run with it. */

/** A router of its own options, a drawn model, a corpus and a launcher. */
export const PLUGIN = `
import { constant, definePlugin, floats, type RouterKind } from "@dlr/dlr";
import { z } from "zod";

const options = z.strictObject({ every: z.int().min(1).default(2).describe("runs one in so many") });

const everyNth: RouterKind<z.infer<typeof options>> = {
  name: "every-nth",
  description: "runs every so-manieth layer",
  options,
  create: ({ every }) => ({
    name: "every-nth",
    decidesBy: "rule",
    params: () => ({}),
    decide: (_params, _anchor, { routableLayers }) => ({
      gates: constant(floats(
        [1, 1, routableLayers],
        Array.from({ length: routableLayers }, (_, layer) => layer % every === 0 ? 1 : 0),
      )),
    }),
  }),
};

export default definePlugin({
  name: "my-plugin",
  routers: [everyNth],
  models: {
    "my-llama": {
      description: "a small Llama, drawn",
      scale: "small",
      tokenizer: "nano",
      config: {
        architectures: ["LlamaForCausalLM"],
        vocab_size: 1024,
        hidden_size: 16,
        intermediate_size: 32,
        num_hidden_layers: 4,
        num_attention_heads: 2,
        max_position_embeddings: 64,
        rms_norm_eps: 1e-5,
      },
    },
  },
  corpora: {
    "my-text": () => ({
      name: "my-text",
      kinds: [],
      *documents(split) {
        for (let i = 0; i < 200; i++) yield { text: \`\${split} \${i}: one two three four five six\` };
      },
    }),
  },
  launchers: [{
    name: "none",
    description: "runs nothing",
    options: z.strictObject({}),
    create: () => ({
      run: (trials) => Promise.resolve(trials.map((trial) => ({ trial, failure: "was not run" }))),
    }),
  }],
});
`;

/** A short run with its model, text and router. */
export const OPTIONS: readonly string[] = [
  ...["--model", "my-llama", "--data", "my-text", "--steps", "4", "--quiet"],
  ...["--set", "router.name=every-nth", "--set", "router.every=3", "--set", "sequenceLength=16"],
  ...["--set", "batchSize=2", "--set", "router.anchorLayers=1", "--set", "backend.threads=1"],
  ...["--set", "evaluation.finalBatches=2", "--set", "evaluation.batches=1"],
];
