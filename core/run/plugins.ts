/** What plugins bring, gathered for a script to choose from by name. */

import {
  type LauncherKind,
  type ModelKind,
  type NamedModel,
  type OpenBackend,
  type OpenCorpus,
  type RouterKind,
  type Task,
  type TaskGroup,
} from "../contracts/mod.ts";
import type { RouterOptions } from "./config_schema.ts";
import { Registry } from "./registry.ts";

/** Everything that can be chosen by name. */
export class Plugins {
  readonly models = new Registry<NamedModel>("model");
  /** Families of checkpoints, found by the architecture that a `config.json` names. */
  readonly architectures: ModelKind[] = [];
  readonly routers = new Registry<RouterKind>("router");
  /** Backends are loaded when they are chosen: some bring native libraries. */
  readonly backends = new Registry<OpenBackend>("backend");
  readonly corpora = new Registry<OpenCorpus>("corpus");

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
