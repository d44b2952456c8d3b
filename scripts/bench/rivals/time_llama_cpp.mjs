/**
 * Times llama.cpp on the CPU through node-llama-cpp.
 *
 *   cd FOLDER && node time_llama_cpp.mjs MODELS/llama.gguf SETTINGS     a JSON line each
 *
 * A batch is as many sequences of one context, asked together; the library computes together what
 * is asked in the same turn of the event loop. Every token's successor is chosen, the likeliest.
 */

import { loadPackage, main, report, timed, tokenSource } from "./common.mjs";

const CHOOSE = { generateNext: { token: true, options: { temperature: 0 } } };

await main(async (modelPath, settings) => {
  const { promptTokens, prefillRounds, decodeSteps, decodeBatches, threads, seed } = settings;
  const { getLlama } = await loadPackage("node-llama-cpp");
  const llama = await getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    progressLogs: false,
    logLevel: "error",
    maxThreads: threads,
  });
  const model = await llama.loadModel({ modelPath });
  const tokens = tokenSource(model.fileInfo.metadata.llama.vocab_size, seed);

  async function open(sequences) {
    const context = await model.createContext({
      sequences,
      threads,
      batchSize: Math.max(promptTokens, sequences),
      contextSize: promptTokens + decodeSteps + 8,
    });
    return { context, all: Array.from({ length: sequences }, () => context.getSequence()) };
  }
  /** Computes tokens of a sequence, and what follows the last. */
  const compute = (sequence, ids) =>
    sequence.controlledEvaluate([...ids.slice(0, -1), [ids.at(-1), CHOOSE]]);

  {
    const { context, all: [sequence] } = await open(1);
    const times = [];
    for (let round = 0; round <= prefillRounds; round++) {
      await sequence.clearHistory();
      times.push(await timed(() => compute(sequence, tokens(promptTokens))));
    }
    report("prefill", 1, times);
    await context.dispose();
  }
  for (const batch of decodeBatches) {
    const { context, all } = await open(batch);
    for (const sequence of all) await compute(sequence, tokens(promptTokens));
    const times = [];
    for (let step = 0; step <= decodeSteps; step++) {
      times.push(
        await timed(() => Promise.all(all.map((sequence) => compute(sequence, tokens(1))))),
      );
    }
    report("decode", batch, times);
    await context.dispose();
  }
});
