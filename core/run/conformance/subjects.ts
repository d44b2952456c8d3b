/** From the name of a plugin to the promises that it is held to. */

import { join } from "node:path";
import {
  backendPromises,
  CLOSE,
  corpusPromises,
  type Goldens,
  kindPromises,
  launcherPromises,
  modelPromises,
  type Oracle,
  type PluginPromise,
  routerKindPromises,
  showNumber,
  smallModel,
  taskPromises,
} from "../../conformance/mod.ts";
import {
  type BackendOptions,
  type ModelDims,
  type Repositories,
  type Schema,
  type TaskRow,
  UserError,
} from "../../contracts/mod.ts";
import {
  openCheckpointWeights,
  openSafetensors,
  readJsonObject,
  taskRows,
  type TensorSource,
} from "../../io/mod.ts";
import { type HostTensor, ints } from "../../tensor/mod.ts";
import { kindOf, modelFolder } from "../models.ts";
import { type Plugins } from "../plugins/plugins.ts";
import { describeTrial } from "../sweep/trial_files.ts";
import { type Chosen, type ConformanceOptions, settingsIn } from "./options.ts";
import { runExported } from "./run_exported.ts";

/** Rows of a task that are looked at. */
const ROWS = 200;

/** What checks need besides the plugin. */
export interface Surroundings {
  readonly plugins: Plugins;
  readonly repositories: Repositories;
  /** Float64, and known not to be what is checked. */
  readonly oracle: Oracle;
  readonly options: ConformanceOptions;
}

/** A plugin that is about to be checked. */
export interface CheckedSubject {
  readonly promises: readonly PluginPromise[];
  /** What is checked of it, in a few words. */
  readonly about: string;
}

/**
 * The promises of a plugin. What is opened for them is disposed of with `open`.
 *
 * @throws {UserError} when what it takes cannot be had.
 */
export async function subjectOf(
  { kind, name }: Chosen,
  surroundings: Surroundings,
  open: AsyncDisposableStack,
): Promise<CheckedSubject> {
  const { plugins, repositories, oracle, options } = surroundings;
  const given = settingsIn(options.set);
  switch (kind) {
    case "model":
      return await modelSubject(name, surroundings, open);
    case "router": {
      const router = plugins.routers.get(name);
      refuseWrong(router.options, given, "router");
      return { promises: routerKindPromises(router, oracle, given), about: router.description };
    }
    case "task":
      return await taskSubject(name, surroundings);
    case "backend": {
      const make = () => plugins.backends.get(name)({ ...BACKEND, ...given });
      // Once before all, so that one that cannot be opened says so in one line.
      await using _ = await make();
      const { absolute, relative } = CLOSE.float32;
      return {
        promises: backendPromises({ make, oracle, tolerance: CLOSE.float32 }),
        about: `within ${showNumber(relative)} of the reference's numbers and ` +
          `${showNumber(absolute)} beside`,
      };
    }
    case "launcher": {
      const launcher = plugins.launchers.get(name);
      refuseWrong(launcher.options, given, "launcher");
      const { folder } = options;
      const subject = { kind: launcher, options: given, folder, describe: describeTrial };
      return { promises: await launcherPromises(subject), about: launcher.description };
    }
    case "corpus": {
      const corpus = await plugins.corpora.get(name)(repositories);
      return { promises: corpusPromises({ corpus }), about: `${corpus.kinds.length} kinds` };
    }
  }
}

/** As configurations have it unless told, on one thread: programs are small. */
const BACKEND: BackendOptions = { threads: 1, executionProvider: "cpu", sessionOptions: {} };

function refuseWrong(
  schema: Schema,
  given: Readonly<Record<string, unknown>>,
  what: string,
): void {
  if (Object.keys(given).length === 0) return;
  const checked = schema.safeParse(given);
  if (checked.success) return;
  const { path, message } = checked.error.issues[0]!;
  throw new UserError(`--set ${path.join(".")}: ${message} (options of the ${what})`);
}

async function modelSubject(
  name: string,
  { plugins, repositories, oracle, options }: Surroundings,
  open: AsyncDisposableStack,
): Promise<CheckedSubject> {
  const { config, source, weights } = await modelFiles(name, plugins, repositories, open);
  const kind = kindOf(config, source, plugins);
  const read = kindPromises(kind, config);
  let small: ReturnType<typeof smallModel>;
  try {
    small = smallModel(kind, config, source);
  } catch {
    // The first of these says why.
    return { promises: read, about: source };
  }
  const backend = open.use(await plugins.backends.get(options.on)(BACKEND));
  const whole = kind.fromConfig(config, source);
  const promises = modelPromises({
    model: small.model,
    oracle,
    backend,
    // The only format there is for exported models.
    runExported: options.on === "onnx" ? runExported : undefined,
    checkpoint: weights && { model: whole, weights },
    goldens: options.goldens === undefined ? undefined : readGoldens(options.goldens),
  });
  return {
    promises: [...read, ...promises],
    about: `${size(whole.dims)}; checked with ${size(small.model.dims)}, drawn`,
  };
}

const size = ({ numLayers, hiddenSize, vocabSize }: ModelDims) =>
  `${numLayers} layers, ${hiddenSize} wide, ${vocabSize} tokens`;

/** A model's configuration, and its weights where it has any. */
async function modelFiles(
  name: string,
  plugins: Plugins,
  repositories: Repositories,
  open: AsyncDisposableStack,
): Promise<{
  config: Readonly<Record<string, unknown>>;
  source: string;
  weights?: TensorSource;
}> {
  const named = plugins.models.has(name) ? plugins.models.get(name) : undefined;
  if (named && "config" in named) return { config: named.config, source: `the model "${name}"` };
  const folder = await modelFolder(name, plugins, repositories);
  // Its tokenizer is not asked for: a checkpoint alone can be checked.
  const source = join(folder, "config.json");
  const config = readJsonObject(source, "the model's configuration");
  return { config, source, weights: open.use(openCheckpointWeights(folder)) };
}

/** Tokens and logits of other software. @throws {UserError} when the file holds something else. */
export function readGoldens(path: string): Goldens {
  using file = openSafetensors(path);
  const tokens = tokensIn(file);
  const logits = file.readHost("logits");
  const [batch, length, ...rest] = logits.shape;
  const fits = tokens.shape.length === 2 && rest.length === 1 && logits.dtype === "float32" &&
    tokens.shape[0] === batch && tokens.shape[1] === length;
  if (fits) return { tokens, logits };
  throw new UserError(
    `Cannot use ${path}: tokens are [${tokens.shape}] and logits [${logits.shape}], where [B, T] and ` +
      "[B, T, V] are needed",
  );
}

/** Tokens as int32; PyTorch has them as int64. */
function tokensIn(file: TensorSource): HostTensor {
  const { dtype, shape } = file.tensors.get("tokens") ?? {};
  if (dtype === "I64" && shape) {
    const { bytes } = file.readRaw("tokens");
    const wide = new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
    return ints(shape, Array.from(wide, Number));
  }
  const tokens = file.readHost("tokens");
  if (tokens.dtype === "int32") return tokens;
  throw new UserError(`Cannot use ${file.path}: tokens are ${dtype}, where I32 or I64 is needed`);
}

async function taskSubject(
  name: string,
  { plugins, repositories, options }: Surroundings,
): Promise<CheckedSubject> {
  const task = plugins.tasks.get(name);
  const source = { dataDir: options.dataDir, repositories };
  const { rows } = await taskRows(task.dataset, task.split, source);
  let shots: readonly TaskRow[] | undefined;
  if (task.shots) {
    try {
      shots = (await taskRows(task.dataset, task.shots.split, source)).rows;
    } catch (error) {
      // A folder may lack it: no examples can be drawn then, which is said.
      if (!(error instanceof UserError)) throw error;
    }
  }
  const some = rows.slice(0, ROWS);
  return {
    promises: taskPromises({ task, rows: some, shots: shots?.slice(0, ROWS) }),
    about: `${some.length} of ${rows.length} documents`,
  };
}
