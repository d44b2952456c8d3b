/** From the name of a model to its folder, and from its folder to what it is. */

import fs from "node:fs";
import { type ModelKind, type Repositories, type Scale, UserError } from "../contracts/mod.ts";
import type { ModelFolder } from "../io/hf_folder.ts";
import { modelFiles } from "../io/model_files.ts";
import { type Plugins } from "./plugins.ts";

/** `organisation/name`, with a revision behind `@` or without. */
const HUB_ID = /^(?<id>[\w][\w.-]*\/[\w][\w.-]*)(?:@(?<revision>.+))?$/;

/** Whether `name`, which no plugin has, is meant as a path; a plain word is more likely a typo. */
export function isPath(name: string): boolean {
  return /[/\\.]/.test(name) || fs.existsSync(name);
}

/** The scale at which a model is trained, unless told. */
export function scaleOf(name: string, { models }: Plugins): Scale {
  return models.has(name) ? models.get(name).scale ?? "reference" : "reference";
}

/**
 * The folder of a model: of one that a plugin names, at a path, or of a repository on the hub
 * (`organisation/name`, `organisation/name@revision`), which is downloaded if it has to be.
 *
 * @throws {UserError} when there is no such model, or it cannot be had.
 */
export async function modelFolder(
  name: string,
  { models }: Plugins,
  repositories: Repositories,
): Promise<string> {
  if (!models.has(name) && isPath(name)) {
    const { id, revision } = HUB_ID.exec(name)?.groups ?? {};
    if (fs.existsSync(name) || id === undefined) return name;
    try {
      return await fetchModel(repositories, id, revision);
    } catch (error) {
      if (!(error instanceof UserError && /\bno such\b/.test(error.message))) throw error;
      throw new UserError(`${error.message}; there is no folder ${name} either`);
    }
  }
  const model = models.get(name);
  if ("hub" in model) return await fetchModel(repositories, model.hub);
  if ("folder" in model) return model.folder;
  throw new UserError(`The model "${name}" has no folder`);
}

function fetchModel(repositories: Repositories, id: string, revision?: string): Promise<string> {
  return repositories.fetch(
    { type: "model", id, ...(revision === undefined ? {} : { revision }) },
    (files) => modelFiles(id, files),
  );
}

/**
 * The family that a model folder belongs to, by the architecture in its `config.json`.
 *
 * @throws {UserError} when no plugin reads it.
 */
export function kindOf(folder: ModelFolder, plugins: Plugins): ModelKind {
  const named = folder.config["architectures"];
  const [architecture] = Array.isArray(named) ? named : [];
  const kind = plugins.architectures.find(({ architectures }) =>
    architectures.includes(architecture)
  );
  if (kind) return kind;
  const supported = plugins.architectures.flatMap(({ architectures }) => architectures).join(", ");
  throw new UserError(
    `Cannot use ${folder.dir}: config.json names the architecture ` +
      `${JSON.stringify(architecture ?? null)}; supported: ${supported}; for another, write a ` +
      "plugin with a ModelKind (core/contracts/model.ts; plugins/models/qwen2 is a short example)",
  );
}
