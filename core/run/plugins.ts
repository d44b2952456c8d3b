/** What plugins bring, gathered for a script to choose from by name. */

import {
  type Backend,
  type BackendOptions,
  type Corpus,
  type LauncherKind,
  type ModelKind,
  type Repositories,
  type RouterKind,
  type Task,
  type TaskGroup,
} from "../contracts/mod.ts";
import type { RouterOptions } from "./config_schema.ts";
import { Registry } from "./registry.ts";

/** A model that has a short name: a folder in Hugging Face format, or a repository on the hub. */
export type NamedModel =
  & {
    /** One line for `--help`. */
    readonly description: string;
    /** The scale of experiments with it; `reference` unless told. */
    readonly scale?: Scale;
  }
  & ({ readonly folder: string } | {
    /** `organisation/name` */
    readonly hub: string;
  });

/** `small` runs in minutes on a processor; `reference` is as large as the experiments reproduced. */
export type Scale = "small" | "reference";

/** Makes a corpus, perhaps from files on the hub. */
export type CorpusSource = (repositories: Repositories) => Corpus | Promise<Corpus>;

/** Everything that can be chosen by name. */
export class Plugins {
  readonly models = new Registry<NamedModel>("model");
  /** Families of checkpoints, found by the architecture that a `config.json` names. */
  readonly architectures: ModelKind[] = [];
  readonly routers = new Registry<RouterKind>("router");
  /** Backends are loaded when they are chosen: some bring native libraries. */
  readonly backends = new Registry<(options: BackendOptions) => Promise<Backend>>("backend");
  readonly corpora = new Registry<CorpusSource>("corpus");

  /** Ways of running the trials of a sweep. */
  readonly launchers = new Registry<LauncherKind>("launcher");

  readonly tasks = new Registry<Task>("task");
  readonly taskGroups = new Registry<TaskGroup>("group of tasks");

  /** What each router declares, by its name: for checking configurations. */
  get routerOptions(): ReadonlyMap<string, RouterOptions> {
    return new Map(
      Array.from(this.routers.entries(), ([name, kind]) => [name, kind.options as RouterOptions]),
    );
  }
}
