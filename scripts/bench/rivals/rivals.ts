/**
 * What a TypeScript user would take for inference instead of this project: llama.cpp through
 * node-llama-cpp, and transformers.js, both at four bits on the CPU, each in a process of node.
 * README.md says how to set them up; nothing of them is a dependency of the project.
 */

import { join, resolve } from "node:path";
import { UserError } from "../../../core/contracts/mod.ts";

const PACKAGES = "node-llama-cpp@3.22.1 @huggingface/transformers@4.3.1";
const MAKER = "scripts/bench/rivals/make_rival_models.py";

/** What is timed beside ours. */
export type RivalName = "llama.cpp" | "transformers.js";

/** All of them. */
export const RIVALS: readonly RivalName[] = ["llama.cpp", "transformers.js"];

/** What to time. */
export interface RivalSettings {
  /** Tokens of a prompt; random ones. */
  readonly promptTokens: number;
  /** Timed passes over a prompt, after one that is not. */
  readonly prefillRounds: number;
  /** Timed tokens of each sequence, after the prompt and one that is not timed. */
  readonly decodeSteps: number;
  /** How many sequences to continue together; a measurement for each. */
  readonly decodeBatches: readonly number[];
  readonly threads: number;
  readonly seed: number;
}

/** A measurement. */
export interface RivalTime {
  readonly rival: RivalName;
  readonly phase: "prefill" | "decode";
  /** Sequences that were computed together. */
  readonly batch: number;
  /** Median milliseconds of a prompt's pass, or of one token for every sequence. */
  readonly ms: number;
  /** The least of the same times; far below the median where something else was running. */
  readonly least: number;
}

/** The rivals, ready to be timed. */
export interface Rivals {
  /** Layers of the models that they run. */
  readonly layers: number;
  /** Versions of the packages that are installed. */
  readonly versions: Readonly<Record<RivalName, string>>;
  /**
   * Starts a rival, times it and ends it: the prompt first, then each batch.
   *
   * @throws {UserError} when node is not there, or the rival fails.
   */
  timeRival(rival: RivalName, settings: RivalSettings): Promise<RivalTime[]>;
}

interface Parts {
  readonly package: string;
  readonly script: string;
  /** The model, within the folder of models, and its files that have to be there. */
  readonly model: string;
  readonly files: readonly string[];
}

const PARTS: Readonly<Record<RivalName, Parts>> = {
  "llama.cpp": {
    package: "node-llama-cpp",
    script: "time_llama_cpp.mjs",
    model: "llama.gguf",
    files: ["llama.gguf"],
  },
  "transformers.js": {
    package: "@huggingface/transformers",
    script: "time_transformers_js.mjs",
    model: "transformers",
    files: ["config.json", "onnx/model_q4.onnx", "onnx/model_q4.onnx_data"]
      .map((file) => `transformers/${file}`),
  },
};

/**
 * Looks whether everything is there.
 *
 * @param options.folder where the packages were installed
 * @param options.models where make_rival_models.py wrote
 * @throws {UserError} when something is missing; the message says what to run.
 */
export async function openRivals(
  options: { readonly folder: string; readonly models: string },
): Promise<Rivals> {
  const folder = resolve(options.folder);
  const models = resolve(options.models);
  const [llama, transformers] = [
    await versionOf("llama.cpp", folder),
    await versionOf("transformers.js", folder),
  ];
  const make = `run: python ${MAKER} ${models} --layers 8`;
  for (const file of Object.values(PARTS).flatMap(({ files }) => files)) {
    await readable(join(models, file), make, Deno.stat);
  }
  const config = JSON.parse(
    await Deno.readTextFile(join(models, "transformers/config.json")),
  ) as Record<string, number>;
  const longest = config["max_position_embeddings"]!;
  return {
    layers: config["num_hidden_layers"]!,
    versions: { "llama.cpp": llama, "transformers.js": transformers },
    timeRival(rival, settings) {
      const { promptTokens, decodeSteps } = settings;
      if (promptTokens + decodeSteps + 1 > longest) {
        throw new UserError(
          `The rivals' models take ${longest} tokens, not ${promptTokens} + ${decodeSteps} + 1: ` +
            "ask for a shorter prompt or fewer steps",
        );
      }
      return timeInNode(rival, folder, join(models, PARTS[rival].model), settings);
    },
  };
}

async function versionOf(rival: RivalName, folder: string): Promise<string> {
  const file = join(folder, "node_modules", PARTS[rival].package, "package.json");
  const install = `run: npm install --ignore-scripts --prefix ${folder} ${PACKAGES}`;
  return (JSON.parse(await readable(file, install, Deno.readTextFile)) as { version: string })
    .version;
}

/** What `read` makes of a file that the user has to have made. */
async function readable<T>(
  file: string,
  advice: string,
  read: (file: string) => Promise<T>,
): Promise<T> {
  try {
    return await read(file);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UserError(`There is no ${file}; ${advice}`);
  }
}

async function timeInNode(
  rival: RivalName,
  folder: string,
  model: string,
  settings: RivalSettings,
): Promise<RivalTime[]> {
  const script = join(import.meta.dirname!, PARTS[rival].script);
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command("node", {
      args: [script, model, JSON.stringify(settings)],
      cwd: folder, // where the program looks for its package
    }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new UserError(`Timing ${rival} needs node 20 or later, which is not in the search path`);
  }
  const { code, stdout, stderr } = output;
  const lines = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim().split("\n");
  if (code !== 0) {
    const why = lines(stderr).at(-1) || `node ended with code ${code}`;
    throw new UserError(`${rival} cannot be timed: ${why}`);
  }
  return lines(stdout)
    .filter((line) => line.startsWith("{")) // whatever else a library may say
    .map((line) => ({ rival, ...JSON.parse(line) as Omit<RivalTime, "rival"> }));
}
