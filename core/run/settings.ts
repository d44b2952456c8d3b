/**
 * Settings collected by dotted key, each with where it came from: the middle stage between the
 * layers of a configuration and the checked whole.
 */

import type { z } from "zod";
import { UserError } from "../contracts/errors.ts";
import type { ConfigKey } from "./config_keys.ts";
import { nearestName } from "./did_you_mean.ts";

/** A configuration as JSON: nested groups of values, any of them missing. */
export type ConfigTree = { readonly [key: string]: unknown };

/** A value with where it came from, for messages. */
interface Given {
  readonly value: unknown;
  readonly source: string;
}

/** Settings by dotted key, each with its source. */
export class Settings {
  readonly #keys: readonly ConfigKey[];
  readonly #given = new Map<string, Given>();

  constructor(keys: readonly ConfigKey[]) {
    this.#keys = keys;
  }

  /** Takes all values of a tree. */
  addTree(tree: ConfigTree, source: string): void {
    for (const [key, value] of leaves("", tree)) this.#add(key, value, source);
  }

  /** Takes one value that is given as text, read as the key's type wants it. */
  addText(key: string, text: string, source: string): void {
    const setting = this.#find(key);
    const value = setting?.key === key ? readValue(text, setting.type) : readValue(text, "other");
    if (isTree(value)) this.addTree({ [key]: value }, source);
    else this.#add(key, value, source);
  }

  #add(key: string, value: unknown, source: string): void {
    if (this.#find(key) === undefined) {
      // `"lora": {}` in a file asks for nothing.
      if (isTree(value) && this.#inside(key).length > 0) return;
      throw this.#unknown(key, source);
    }
    this.#given.set(key, { value, source });
  }

  /** The setting that `key` names, or the open one that it is inside of. */
  #find(key: string): ConfigKey | undefined {
    if (key.split(".").includes("__proto__")) return undefined;
    return this.#keys.find((setting) =>
      setting.key === key || (setting.open && key.startsWith(`${setting.key}.`))
    );
  }

  /** The settings of the group that `key` names; none when it names no group. */
  #inside(key: string): ConfigKey[] {
    return this.#keys.filter((setting) => setting.key.startsWith(`${key}.`));
  }

  #unknown(key: string, source: string): UserError {
    const inside = this.#inside(key);
    if (inside.length > 0) {
      return new UserError(
        `Cannot set "${key}" (from ${source}): it is a group, give one of its settings: ` +
          inside.map((setting) => setting.key).join(", "),
      );
    }
    const all = this.#keys.map((setting) => setting.key);
    const bare = all.find((name) => name.endsWith(`.${key}`));
    const nearest = bare ?? nearestName(key, all);
    const hint = nearest === undefined ? "--help lists all settings" : `did you mean "${nearest}"?`;
    return new UserError(`Unknown setting "${key}" (from ${source}): ${hint}`);
  }

  /** The nested form that the schema checks. */
  toTree(): ConfigTree {
    const tree: Record<string, unknown> = {};
    for (const [key, { value }] of this.#given) {
      const path = key.split(".");
      const last = path.pop()!;
      let group = tree;
      for (const name of path) {
        const next = Object.hasOwn(group, name) ? group[name] : undefined;
        const inner: Record<string, unknown> = isTree(next) ? next : {};
        group[name] = inner;
        group = inner;
      }
      group[last] = isTree(value) ? { ...value } : value;
    }
    return tree;
  }

  /** The first complaint of the schema, in our words. */
  explain(error: z.ZodError): UserError {
    const issue = error.issues[0]!;
    // A list's complaint is about an entry; the setting is the longest known part of the path.
    const path = issue.path.map(String);
    let key = path.join(".");
    while (path.length > 0 && this.#find(key) === undefined) {
      path.pop();
      key = path.join(".");
    }
    const setting = this.#find(key);
    const given = this.#given.get(key);
    if (setting === undefined) return new UserError(`Invalid configuration: ${issue.message}`);
    if (given === undefined) {
      return new UserError(`The setting "${key}" is missing: give ${setting.allowed} by --set`);
    }
    // A rule of a router's own that the schema's type does not show speaks for itself.
    const rule = issue.code === "custom" ? issue.message : `it must be ${setting.allowed}`;
    const about = setting.description === "" ? "" : ` (${setting.description})`;
    return new UserError(
      `Cannot use ${key} = ${showValue(given.value)} from ${given.source}: ${rule}${about}`,
    );
  }
}

/** Whether `value` is a group of further settings. */
export function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Dotted keys and values of a tree; an empty group is a leaf, so that it is not lost. */
export function* leaves(prefix: string, tree: object): Generator<[key: string, value: unknown]> {
  for (const [name, value] of Object.entries(tree)) {
    if (value === undefined) continue;
    const key = prefix === "" ? name : `${prefix}.${name}`;
    if (isTree(value) && Object.keys(value).length > 0) yield* leaves(key, value);
    else yield [key, value];
  }
}

/** Reads `text` as what a setting of this type wants; text that does not fit stays text. */
export function readValue(text: string, type: ConfigKey["type"]): unknown {
  const parsed = parseJson(text);
  switch (type) {
    case "string":
      return typeof parsed === "string" ? parsed : text;
    case "number":
      // Also what JSON refuses: `.5`, `+3`, `5.`
      return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : parsed ?? text;
    case "list":
      if (Array.isArray(parsed)) return parsed;
      return text.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "")
        .map((entry) => {
          const value = parseJson(entry);
          return typeof value === "number" ? value : entry;
        });
    default:
      return parsed === undefined ? text : parsed;
  }
}

/** The value that `text` is in JSON, or `undefined` when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A value as a user would have written it; JSON has no word for infinity. */
function showValue(value: unknown): string {
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}
