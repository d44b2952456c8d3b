/** What plugins bring, gathered for a script to choose from by name. */

import {
  type Backend,
  type BackendOptions,
  type Corpus,
  type ModelKind,
  type RouterKind,
} from "../contracts/mod.ts";
import { Registry } from "./registry.ts";

/** A model that has a short name. */
export interface NamedModel {
  /** One line for `--help`. */
  readonly description: string;
  /** Folder in Hugging Face format. */
  readonly folder: string;
}

/** Everything that can be chosen by name. */
export class Plugins {
  readonly models = new Registry<NamedModel>("model");
  /** Families of checkpoints, found by the architecture that a `config.json` names. */
  readonly architectures: ModelKind[] = [];
  readonly routers = new Registry<RouterKind>("router");
  /** Backends are loaded when they are chosen: some bring native libraries. */
  readonly backends = new Registry<(options: BackendOptions) => Promise<Backend>>("backend");
  readonly corpora = new Registry<() => Corpus>("corpus");
}
