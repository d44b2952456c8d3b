/** From the name of a model to its folder, and from its folder to what it is. */

import fs from "node:fs";
import { basename } from "node:path";
import { type ModelKind, type Repositories, type Scale, UserError } from "../contracts/mod.ts";
import { modelFiles, TOKENIZER_FILES } from "../io/model_files.ts";
import { drawnModelFolder } from "./drawn_model.ts";
import { type Plugins } from "./plugins/plugins.ts";

/** `organisation/name`, with a revision behind `@` or without. */
const HUB_ID = /^(?<id>[\w][\w.-]*\/[\w][\w.-]*)(?:@(?<revision>.+))?$/;

/** Files of others, and perhaps a note of which version a run began with. */
export type PinnedRepositories = Repositories & {
  /** As {@link RunRepositories.pin}. */
  pin?(what: string, version: string): void;
};

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
  plugins: Plugins,
  repositories: PinnedRepositories,
): Promise<string> {
  const { models } = plugins;
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
  const { config } = model;
  const source = `the configuration of the model "${name}"`;
  const tokenizer = await tokenizerFolder(model.tokenizer, plugins, repositories);
  const kind = kindOf(config, source, plugins);
  const folder = await drawnModelFolder({ name, config, kind, tokenizer });
  repositories.pin?.(`drawn model "${name}"`, basename(folder));
  return folder;
}

/** The folder of the model that another shares its tokenizer with; of one on the hub no weights. */
async function tokenizerFolder(
  name: string,
  plugins: Plugins,
  repositories: PinnedRepositories,
): Promise<string> {
  const owner = tokenizerOwner(name, plugins);
  const model = plugins.models.has(owner) ? plugins.models.get(owner) : undefined;
  if (!model || !("hub" in model)) return await modelFolder(owner, plugins, repositories);
  return await repositories.fetch(
    { type: "model", id: model.hub },
    (files) => files.filter((file) => TOKENIZER_FILES.includes(file)),
  );
}

/**
 * The model that has the tokenizer: one that is drawn has it from another in turn, and need not be drawn
 * for it.
 *
 * @throws {UserError} where nobody has it, as each has it from the next.
 */
function tokenizerOwner(name: string, { models }: Plugins): string {
  const asked: string[] = [];
  for (let owner = name;;) {
    if (asked.includes(owner)) {
      throw new UserError(
        `There is no tokenizer for the model "${name}": it would come from ` +
          `${[...asked.slice(1), owner].map((each) => `"${each}"`).join(", that from ")}; give a ` +
          "model or a folder that has one",
      );
    }
    const model = models.has(owner) ? models.get(owner) : undefined;
    if (!model || !("config" in model)) return owner;
    asked.push(owner);
    owner = model.tokenizer;
  }
}

function fetchModel(repositories: Repositories, id: string, revision?: string): Promise<string> {
  return repositories.fetch(
    { type: "model", id, ...(revision === undefined ? {} : { revision }) },
    (files) => modelFiles(id, files),
  );
}

/**
 * The family that a model belongs to, by the architecture in its `config.json`.
 *
 * @param source the file, for messages
 * @throws {UserError} when no plugin reads it.
 */
export function kindOf(
  config: Readonly<Record<string, unknown>>,
  source: string,
  plugins: Plugins,
): ModelKind {
  const named = config["architectures"];
  const [architecture] = Array.isArray(named) ? named : [];
  if (typeof architecture === "string" && plugins.architectures.has(architecture)) {
    return plugins.architectures.get(architecture);
  }
  const supported = plugins.architectures.names().join(", ");
  throw new UserError(
    `Cannot use ${source}: it names the architecture ` +
      `${
        JSON.stringify(architecture ?? null)
      }; supported: ${supported}; for another, give a plugin ` +
      "that brings it by --plugin (docs/tutorials/model.md says how to write one)",
  );
}
