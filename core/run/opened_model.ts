/** A model by name, folder or hub repository: found, checked, and read onto a backend. */

import { type Backend, type DecoderModel, type Repositories } from "../contracts/mod.ts";
import { assertTokenizerFits, loadTokenizer, openModelFolder, type Tokenizer } from "../io/mod.ts";
import { type BasePrecision } from "../nn/mod.ts";
import { checkWeights, type FrozenWeights, loadFrozen } from "../train/mod.ts";
import { type BackendConfig } from "./config_schema.ts";
import { kindOf, modelFolder } from "./models.ts";
import { type Plugins } from "./plugins/plugins.ts";
import { createProgress, type Progress } from "./progress.ts";

/** Weights on a backend. Dispose of them to let both go. */
export interface LoadedWeights extends AsyncDisposable {
  readonly backend: Backend;
  readonly frozen: FrozenWeights;
}

/** A model whose files are found and checked, and whose weights are not read yet. */
export interface OpenedModel extends Disposable {
  readonly model: DecoderModel;
  readonly tokenizer: Tokenizer;
  /** Reads the weights. @param quiet no progress */
  load(backend: BackendConfig, precision: BasePrecision, quiet: boolean): Promise<LoadedWeights>;
}

/**
 * Finds and checks a model. Nothing is written but what is downloaded.
 *
 * @throws {UserError} when it cannot be had, or its files do not belong together.
 */
export async function openModelFiles(
  name: string,
  plugins: Plugins,
  repositories: Repositories,
): Promise<OpenedModel> {
  using opening = new DisposableStack();
  const folder = opening.use(openModelFolder(await modelFolder(name, plugins, repositories)));
  const source = `${folder.dir}/config.json`;
  const model = kindOf(folder.config, source, plugins).fromConfig(folder.config, source);
  checkWeights(folder.weights, model);
  const tokenizer = await loadTokenizer(folder.tokenizer);
  assertTokenizerFits(tokenizer, model.dims.vocabSize, folder.dir);
  const opened = opening.move();
  return {
    model,
    tokenizer,
    async load({ name, ...options }, precision, quiet) {
      const backend = await plugins.backends.get(name)(options);
      const frozen = withProgress(
        (onTensor) => loadFrozen(folder.weights, model, backend, precision, onTensor),
        quiet,
      );
      return {
        backend,
        frozen,
        async [Symbol.asyncDispose]() {
          for (const tensor of Object.values(frozen)) tensor[Symbol.dispose]();
          await backend[Symbol.asyncDispose]();
        },
      };
    },
    [Symbol.dispose]: () => opened[Symbol.dispose](),
  };
}

/** Seconds of reading after which there is something to show. */
const PATIENCE = 2;

/** Shows how many tensors are read, once it has taken a while. */
function withProgress<T>(
  load: (onTensor: (read: number, total: number) => void) => T,
  quiet: boolean,
) {
  const started = performance.now();
  let progress: Progress | undefined;
  const loaded = load((read, total) => {
    if (performance.now() - started < 1000 * PATIENCE) return;
    progress ??= createProgress({ label: "weights", total, start: read, quiet });
    progress.update(read);
  });
  progress?.stop();
  return loaded;
}
