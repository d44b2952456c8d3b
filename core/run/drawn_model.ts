/** Models that are drawn instead of loaded: an architecture can be tried before there is a checkpoint. */

import { createHash } from "node:crypto";
import fs from "node:fs";
import { join } from "node:path";
import { type ModelKind, UserError } from "../contracts/mod.ts";
import { explainFailure } from "../io/failures.ts";
import {
  TOKENIZER_FILES,
  writeFileAtomic,
  writeFolderAtomic,
  writeSafetensors,
} from "../io/mod.ts";
import { initialize } from "../nn/mod.ts";

/** Where drawn models are kept, so that later commands find the same weights. */
const DRAWN_ROOT = join("results", "models");

/** The seed of all drawn models. */
const SEED = 0;

/** A model that is to be drawn. */
export interface DrawnModel {
  readonly name: string;
  /** What its `config.json` says. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The family that reads it. */
  readonly kind: ModelKind;
  /** The folder whose tokenizer it gets. */
  readonly tokenizer: string;
}

/**
 * The folder of a drawn model, in Hugging Face format; written where it is not there yet. Another
 * configuration, other parameters or another tokenizer make another folder.
 *
 * @throws {UserError} when the configuration is refused, there is no tokenizer, or the folder cannot
 *   be written.
 */
export async function drawnModelFolder(
  { name, config, kind, tokenizer }: DrawnModel,
  root: string = DRAWN_ROOT,
): Promise<string> {
  const specs = kind.fromConfig(config, `the configuration of the model "${name}"`).params();
  const files = TOKENIZER_FILES.filter((file) => fs.existsSync(join(tokenizer, file)));
  if (files.length === 0) {
    throw new UserError(
      `Cannot make the model "${name}": ${tokenizer} has no tokenizer to take; name another model`,
    );
  }
  const hash = createHash("sha256").update(JSON.stringify([config, specs]));
  for (const file of files) hash.update(file).update(fs.readFileSync(join(tokenizer, file)));
  const folder = join(root, `${name}-${hash.digest("hex").slice(0, 8)}`);
  if (fs.existsSync(folder)) return folder;
  // Others may draw the same model at this moment: each its own, and the first one stays.
  const own = `${folder}-${crypto.randomUUID()}`;
  await writeFolderAtomic(own, (temporary) => {
    const weights = initialize(specs, SEED);
    const tensors = Object.entries(weights).map(([name, tensor]) => ({ name, tensor }));
    writeSafetensors(join(temporary, "model.safetensors"), tensors, { format: "pt" });
    writeFileAtomic(join(temporary, "config.json"), JSON.stringify(config, null, 2) + "\n");
    for (const file of files) fs.copyFileSync(join(tokenizer, file), join(temporary, file));
  });
  try {
    fs.renameSync(own, folder);
  } catch (error) {
    fs.rmSync(own, { recursive: true, force: true });
    if (!fs.existsSync(folder)) throw explainFailure(error, "write the folder", folder);
  }
  return folder;
}
