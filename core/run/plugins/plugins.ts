/** What plugins bring, gathered for a script to choose from by name. */

import {
  type LauncherKind,
  type ModelKind,
  type NamedModel,
  type OpenBackend,
  type OpenCorpus,
  type Plugin,
  type RouterKind,
  type Task,
  type TaskGroup,
} from "../../contracts/mod.ts";
import type { RouterOptions } from "../config_schema.ts";
import { Registry } from "./registry.ts";

/** Who brings what is built in, as messages and lists call it. */
export const BUILT_IN = "dlr";

/** A module that was loaded on somebody's wish. */
export interface LoadedPlugin {
  /** What it calls itself. */
  readonly name: string;
  /** Where it is: an absolute URL, or an `npm:` or `jsr:` specifier. */
  readonly specifier: string;
  /** SHA-256 of its file and of those that it imports, in hexadecimal; absent where it is no file. */
  readonly sha256?: string;
}

/** Everything that can be chosen by name. */
export class Plugins {
  readonly models = new Registry<NamedModel>("model");
  /** Families of checkpoints, by the architecture that a `config.json` names. */
  readonly architectures = new Registry<ModelKind>("architecture");
  readonly routers = new Registry<RouterKind>("router");
  /** Backends are loaded when they are chosen: some bring native libraries. */
  readonly backends = new Registry<OpenBackend>("backend");
  readonly corpora = new Registry<OpenCorpus>("corpus");

  /** Ways of running the trials of a sweep. */
  readonly launchers = new Registry<LauncherKind>("launcher");

  readonly tasks = new Registry<Task>("task");
  readonly taskGroups = new Registry<TaskGroup>("group of tasks");

  /** What is not built in, in the order of loading. */
  readonly loaded: LoadedPlugin[] = [];

  readonly #given = new Set<string>();

  /** Notes that somebody names these on the command line. */
  give(specifiers: readonly string[]): void {
    for (const specifier of specifiers) this.#given.add(specifier);
  }

  /** Whether a plugin was named on the command line, and not by a run that it belongs to. */
  isGiven({ specifier }: LoadedPlugin): boolean {
    return this.#given.has(specifier);
  }

  /** What each router declares, by its name: for checking configurations. */
  get routerOptions(): ReadonlyMap<string, RouterOptions> {
    return new Map(
      Array.from(this.routers.entries(), ([name, kind]) => [name, kind.options as RouterOptions]),
    );
  }

  /**
   * Adds all that a plugin brings.
   *
   * @param from where it is from, for messages
   * @throws {UserError} when one of its names is taken, naming both plugins.
   */
  add(plugin: Plugin, from: string): void {
    for (const kind of plugin.architectures ?? []) {
      for (const name of kind.architectures) this.architectures.register(name, kind, from);
    }
    for (const [name, model] of Object.entries(plugin.models ?? {})) {
      this.models.register(name, model, from);
    }
    for (const [name, open] of Object.entries(plugin.backends ?? {})) {
      this.backends.register(name, open, from);
    }
    for (const [name, open] of Object.entries(plugin.corpora ?? {})) {
      this.corpora.register(name, open, from);
    }
    const named = [
      [this.routers, plugin.routers],
      [this.tasks, plugin.tasks],
      [this.taskGroups, plugin.taskGroups],
      [this.launchers, plugin.launchers],
    ] as const;
    for (const [registry, all] of named) {
      for (const each of all ?? []) (registry as Registry<unknown>).register(each.name, each, from);
    }
    // Both are chosen by --tasks.
    for (const name of this.taskGroups.names()) {
      if (!this.tasks.has(name)) continue;
      this.tasks.refuse(name, this.taskGroups.owner(name), "group of tasks");
    }
  }
}
