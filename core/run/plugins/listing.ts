/** What there is to choose from: for `--help`, and for `deno task list`. */

import type { ZodType } from "zod";
import { type Schema } from "../../contracts/mod.ts";
import { formatTable } from "../table.ts";
import { keysOf } from "../config_keys.ts";
import { type Plugins } from "./plugins.ts";

/** Something that can be chosen by name. */
export interface Listed {
  /** The option or setting that chooses it. */
  readonly kind: string;
  readonly name: string;
  /** Who brings it: `dlr`, or a plugin. */
  readonly from: string;
  readonly description: string;
  /** Whether it is a member of a group that is listed too. */
  readonly isMember?: true;
  /** The options of its own, by name, with what they mean. */
  readonly options?: Readonly<Record<string, string>>;
}

/** Everything that can be chosen, in the order of registration. */
export function listPlugins(plugins: Plugins): Listed[] {
  const { models, routers, corpora, tasks, taskGroups, backends, launchers } = plugins;
  const optionsOf = (schema: Schema) =>
    Object.fromEntries(
      keysOf(schema as unknown as ZodType).map(({ key, description }) => [key, description]),
    );
  const members = new Set(
    Array.from(taskGroups.entries()).flatMap(([, group]) => group.members),
  );
  return [
    ...Array.from(models.entries(), ([name, { description }]) => ({
      kind: "--model",
      name,
      from: models.owner(name),
      description,
    })),
    ...Array.from(plugins.architectures.entries(), ([name, kind]) => ({
      kind: "architecture",
      name,
      from: plugins.architectures.owner(name),
      description: `checkpoints of ${kind.name}`,
    })),
    ...Array.from(routers.entries(), ([name, { description, options }]) => ({
      kind: "router.name",
      name,
      from: routers.owner(name),
      description,
      options: optionsOf(options),
    })),
    ...corpora.names().map((name) => ({
      kind: "--data",
      name,
      from: corpora.owner(name),
      description: "a corpus",
    })),
    ...Array.from(tasks.entries(), ([name, { description }]) => ({
      kind: "--tasks",
      name,
      from: tasks.owner(name),
      description,
      ...(members.has(name) ? { isMember: true as const } : {}),
    })),
    ...Array.from(taskGroups.entries(), ([name, { description, members }]) => ({
      kind: "--tasks",
      name,
      from: taskGroups.owner(name),
      description: `${description} (${members.length} together)`,
    })),
    ...backends.names().map((name) => ({
      kind: "--backend",
      name,
      from: backends.owner(name),
      description: "a backend",
    })),
    ...Array.from(launchers.entries(), ([name, { description, options }]) => ({
      kind: "--launcher",
      name,
      from: launchers.owner(name),
      description,
      options: optionsOf(options),
    })),
  ];
}

/** The list as tables, one for each kind. Members of groups are shown with the options only. */
export function showListing(listed: readonly Listed[], withOptions: boolean): string {
  const kinds = Map.groupBy(listed, ({ kind }) => kind);
  return [...kinds].map(([kind, all]) => {
    const shown = withOptions ? all : all.filter(({ isMember }) => !isMember);
    const left = all.length - shown.length;
    const rows = shown.flatMap(({ name, from, description, options = {} }) => [
      [name, from, description],
      ...(withOptions
        ? Object.entries(options).map(([option, meaning]) => [`  ${option}`, "", meaning])
        : []),
    ]);
    const more = left > 0 ? `\n(${left} more in groups; --options shows all)` : "";
    return formatTable([{ title: kind }, { title: "from" }, { title: "" }], rows) + more;
  }).join("\n\n");
}

/** The names alone, a line for each kind, for `--help`. */
export function namesOf(plugins: Plugins): string {
  const kinds = [
    ["models", plugins.models],
    ["corpora", plugins.corpora],
    ["routers", plugins.routers],
    ["backends", plugins.backends],
  ] as const;
  return kinds.map(([kind, registry]) => `  ${kind}: ${registry.names().join(", ")}`).join("\n");
}
