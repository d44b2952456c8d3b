/** What a module brings to dlr: the definition that is its default export. */

import { type Backend, type BackendOptions } from "./backend.ts";
import { type Corpus } from "./corpus.ts";
import { type LauncherKind } from "./launcher.ts";
import { type ModelKind } from "./model.ts";
import { type Repositories } from "./repositories.ts";
import { type RouterKind } from "./router.ts";
import { type Task, type TaskGroup } from "./task.ts";

/**
 * Version of the interfaces that plugins are written against. It rises when a plugin that was right
 * before would not be any more; a plugin of another version is refused.
 */
export const PLUGIN_API = 1;

/** `small` runs in minutes on a processor; `reference` is as large as the experiments reproduced. */
export type Scale = "small" | "reference";

/** A model that has a short name. */
export type NamedModel =
  & {
    /** One line for `--help`. */
    readonly description: string;
    /** The scale of experiments with it; `reference` unless told. */
    readonly scale?: Scale;
  }
  & (
    | {
      /** A folder in Hugging Face format. */
      readonly folder: string;
    }
    | {
      /** A repository on the hub, `organisation/name`. */
      readonly hub: string;
    }
    | {
      /**
       * What its `config.json` would say, `architectures` included: the model is drawn as its
       * parameters declare, always the same. For trying an architecture out before there is a
       * checkpoint.
       */
      readonly config: Readonly<Record<string, unknown>>;
      /** The model whose tokenizer it has: a name such as `nano`, or a folder. */
      readonly tokenizer: string;
    }
  );

/** Makes a backend. Called when it is chosen, so that nothing heavy is loaded before. */
export type OpenBackend = (options: BackendOptions) => Promise<Backend>;

/** Makes a corpus, perhaps from files on the hub. */
export type OpenCorpus = (repositories: Repositories) => Corpus | Promise<Corpus>;

/** What a plugin brings; any of it may be absent. */
export interface Plugin {
  /** What messages call it. */
  readonly name: string;
  /** Families of checkpoints, found by the architecture that a `config.json` names. */
  readonly architectures?: readonly ModelKind[];
  /** Models by short names, for `--model`. */
  readonly models?: Readonly<Record<string, NamedModel>>;
  /** Routers, for `router.name`; each of its own options, so of any type here. */
  // deno-lint-ignore no-explicit-any
  readonly routers?: readonly RouterKind<any>[];
  /** Tasks, for `--tasks`; each of its own documents, so of any type here. */
  // deno-lint-ignore no-explicit-any
  readonly tasks?: readonly Task<any>[];
  /** Groups of tasks, for `--tasks`. */
  readonly taskGroups?: readonly TaskGroup[];
  /** Backends by name, for `--backend`. */
  readonly backends?: Readonly<Record<string, OpenBackend>>;
  /** Corpora by name, for `--data`. */
  readonly corpora?: Readonly<Record<string, OpenCorpus>>;
  /** Ways of running the trials of a sweep, for `--launcher`. */
  readonly launchers?: readonly LauncherKind[];
}

/** A plugin with what it was built against. */
export interface DefinedPlugin extends Plugin {
  /** {@link PLUGIN_API} of the dlr that it was built against. */
  readonly api: number;
  /** Where that dlr is: graphs of two copies do not mix. */
  readonly builtAgainst: string;
}

/**
 * Defines a plugin; the default export of a module that `--plugin` names.
 *
 * ```ts
 * import { definePlugin } from "@dlr/dlr";
 *
 * export default definePlugin({ name: "my-models", models: {
 *   "my-llama": { description: "a Llama of mine", folder: "/models/my-llama" },
 * } });
 * ```
 */
export function definePlugin(plugin: Plugin): DefinedPlugin {
  // A spread takes only what an object has itself: not what its class has as getters.
  const brought = MEMBERS.filter((key) => plugin[key] !== undefined)
    .map((key) => [key, plugin[key]] as const);
  return {
    ...plugin,
    ...Object.fromEntries(brought),
    name: plugin.name,
    api: PLUGIN_API,
    builtAgainst: import.meta.url,
  };
}

/** All members of a plugin; the compiler sees to it that none is left out. */
const MEMBERS = Object.keys(
  {
    name: true,
    architectures: true,
    models: true,
    routers: true,
    tasks: true,
    taskGroups: true,
    backends: true,
    corpora: true,
    launchers: true,
  } satisfies Record<keyof Plugin, true>,
) as readonly (keyof Plugin)[];
