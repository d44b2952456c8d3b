/** Finding a plugin by the name that a configuration gives. */

import { UserError } from "../../contracts/errors.ts";
import { nearestName } from "../did_you_mean.ts";

/** What can be chosen by name. */
export type PluginKind =
  | "model"
  | "architecture"
  | "router"
  | "backend"
  | "corpus"
  | "launcher"
  | "task"
  | "group of tasks";

interface Entry<T> {
  readonly value: T;
  /** Who registered it, for messages. */
  readonly from: string;
}

/** Plugins of one kind, by name. Keeps the order of registration. */
export class Registry<T> {
  /** What these plugins are, as messages call them. */
  readonly kind: PluginKind;
  readonly #entries = new Map<string, Entry<T>>();

  /** An empty registry of plugins of this kind. */
  constructor(kind: PluginKind) {
    this.kind = kind;
  }

  /**
   * Adds a plugin.
   *
   * @param name what a configuration calls it
   * @param value the plugin
   * @param from the module that brings it, for messages
   * @throws {UserError} when the name is taken, naming both modules.
   */
  register(name: string, value: T, from: string): void {
    if (this.#entries.has(name)) this.refuse(name, from, this.kind);
    this.#entries.set(name, { value, from });
  }

  /** Says that a name which is taken here cannot be had by another. */
  refuse(name: string, from: string, kind: PluginKind): never {
    const taken = kind === this.kind ? "one" : `a ${this.kind}`;
    throw new UserError(
      `Cannot register ${kind} "${name}" from ${from}: ${this.owner(name)} already has ${taken} ` +
        "of that name; rename one of them or leave one out",
    );
  }

  /** Who registered the plugin of this name. */
  owner(name: string): string {
    return this.#entries.get(name)?.from ?? "nobody";
  }

  /** Whether there is a plugin of this name. */
  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /**
   * The plugin of this name.
   *
   * @throws {UserError} when there is none, with the nearest name and all that exist.
   */
  get(name: string): T {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry.value;
    const nearest = nearestName(name, this.names());
    const hint = nearest === undefined ? "" : `did you mean "${nearest}"? `;
    const existing = this.names().length === 0 ? "none is registered" : this.names().join(", ");
    throw new UserError(`Unknown ${this.kind} "${name}": ${hint}There are: ${existing}`);
  }

  /** All names, in the order of registration. */
  names(): string[] {
    return [...this.#entries.keys()];
  }

  /** All plugins with their names, in the order of registration. */
  *entries(): IterableIterator<[name: string, value: T]> {
    for (const [name, { value }] of this.#entries) yield [name, value];
  }
}
