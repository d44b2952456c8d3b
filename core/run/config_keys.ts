/**
 * The dotted keys of a configuration (`lora.rank`), read off its schema: for `--help`, for checking
 * names before values, and for saying what a value may be.
 */

import { z } from "zod";
import { type Schema } from "../contracts/schema.ts";

/** One setting that can be given as `--set key=value`. */
export interface ConfigKey {
  /** Dotted path, such as `optimizer.learningRate`. */
  readonly key: string;
  readonly description: string;
  /** What the setting may be, in words: `a whole number, at least 1`. */
  readonly allowed: string;
  /** How a value given as text is to be read. */
  readonly type: "number" | "boolean" | "string" | "list" | "other";
  /** Any name may follow: `backend.sessionOptions.graphOptimizationLevel`. */
  readonly open: boolean;
  /** Value where nothing is given; absent where the experiment must give one. */
  readonly default?: unknown;
}

/** The part of JSON Schema that zod writes for settings. */
interface Described {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly items?: Described;
  readonly prefixItems?: readonly Described[];
  readonly anyOf?: readonly Described[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly minItems?: number;
  readonly minLength?: number;
}

/** All settings of a schema, in its order; groups are entered, not listed. */
export function keysOf(schema: Schema): ConfigKey[] {
  const described = z.toJSONSchema(schema as z.ZodType, {
    io: "input",
    unrepresentable: "any",
  }) as Described;
  return [...settings("", described)];
}

function* settings(prefix: string, group: Described): Generator<ConfigKey> {
  for (const [name, setting] of Object.entries(group.properties ?? {})) {
    const key = prefix === "" ? name : `${prefix}.${name}`;
    if (setting.properties !== undefined) {
      yield* settings(key, setting);
      continue;
    }
    yield {
      key,
      description: setting.description ?? "",
      allowed: allowedBy(setting),
      type: typeOf(setting),
      open: setting.type === "object",
      ...("default" in setting ? { default: setting.default } : {}),
    };
  }
}

function typeOf({ type, enum: choices }: Described): ConfigKey["type"] {
  switch (type) {
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "array":
      return "list";
    case "string":
      return "string";
    default:
      return choices?.every((choice) => typeof choice === "string") ? "string" : "other";
  }
}

/** What a setting may be, in words. */
function allowedBy(setting: Described): string {
  if (setting.anyOf !== undefined) return setting.anyOf.map(allowedBy).join(", or ");
  if (setting.enum !== undefined) return `one of ${setting.enum.join(", ")}`;
  if (setting.const !== undefined) return String(setting.const);
  switch (setting.type) {
    case "integer":
      return ["a whole number", ...boundsOf(setting)].join(", ");
    case "number":
      return ["a number", ...boundsOf(setting)].join(", ");
    case "boolean":
      return "true or false";
    case "null":
      return "null";
    case "array": {
      if (setting.prefixItems !== undefined) {
        const [first, ...others] = setting.prefixItems;
        return `a list of ${others.length + 1} (a,b), each ${allowedBy(first ?? {})}`;
      }
      const some = (setting.minItems ?? 0) > 0 ? "a list of at least one entry" : "a list";
      return `${some} (a,b,c), each ${allowedBy(setting.items ?? {})}`;
    }
    case "string":
      return (setting.minLength ?? 0) > 0 ? "some text" : "text";
    case "object":
      return "named values";
    default:
      return "a value";
  }
}

function boundsOf(setting: Described): string[] {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = setting;
  const bounds: string[] = [];
  // zod writes the limits of exact integers as bounds; they tell a reader nothing.
  if (minimum !== undefined && minimum !== Number.MIN_SAFE_INTEGER) {
    bounds.push(`at least ${minimum}`);
  }
  if (exclusiveMinimum !== undefined) bounds.push(`above ${exclusiveMinimum}`);
  if (maximum !== undefined && maximum !== Number.MAX_SAFE_INTEGER) {
    bounds.push(`at most ${maximum}`);
  }
  if (exclusiveMaximum !== undefined) bounds.push(`below ${exclusiveMaximum}`);
  return bounds;
}
