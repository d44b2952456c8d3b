/**
 * Says which backends this machine can run, and how fast each multiplies matrices.
 *
 *   deno task backends              all of them
 *   deno task backends --json       a JSON line for each
 *   deno task backends --provider cuda    with this execution provider or adapter, where there is one
 */

import "../core/run/permissions.ts";
import { type BackendOptions, type OpenBackend, UserError } from "../core/contracts/mod.ts";
import { newCommand, readOptions } from "../core/run/command.ts";
import { runScript } from "../core/run/script.ts";
import { formatTable } from "../core/run/table.ts";
import { builtinPlugins } from "../plugins/mod.ts";
import { gemmRate } from "./bench/gemm_rate.ts";

const command = newCommand(
  "deno task backends",
  "Says which backends this machine can run, and how fast each multiplies matrices.",
)
  .option("--provider <name>", "execution provider of ONNX Runtime, or WebGPU's adapter", "cpu")
  .option("--json", "a JSON line for each backend");

/** What there is to say about a backend. */
interface Found {
  readonly backend: string;
  readonly device?: string | undefined;
  readonly size?: number;
  readonly gflops?: number;
  /** Why it does not run here. */
  readonly refusal?: string;
}

await runScript(async () => {
  const { provider, json = false } = readOptions(command);
  const options = { threads: 0, executionProvider: provider, sessionOptions: {} };
  const found: Found[] = [];
  for (const [name, open] of builtinPlugins().backends.entries()) {
    found.push(await tryOut(name, open, options));
  }
  if (json) found.forEach((each) => console.log(JSON.stringify(each)));
  else show(found);
});

async function tryOut(name: string, open: OpenBackend, options: BackendOptions): Promise<Found> {
  try {
    await using backend = await open(options);
    const { size, gflops } = await gemmRate(backend);
    return { backend: name, device: backend.device, size, gflops: Number(gflops.toFixed(2)) };
  } catch (error) {
    if (error instanceof UserError) return { backend: name, refusal: error.message };
    throw error;
  }
}

function show(found: readonly Found[]): void {
  console.log(formatTable(
    [
      { title: "backend" },
      { title: "runs on" },
      { title: "matrices" },
      { title: "GFLOP/s", digits: 1 },
    ],
    found.map(({ backend, device, size, gflops }) => [
      backend,
      device,
      size === undefined ? undefined : `${size} × ${size}`,
      gflops,
    ]),
  ));
  for (const { backend, refusal } of found) {
    if (refusal !== undefined) console.log(`\n${backend} does not run here: ${refusal}.`);
  }
  console.log("\nChoose one with --backend NAME.");
}
