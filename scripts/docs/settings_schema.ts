/** The settings of a `--config` file as a JSON Schema, by which editors complete and check them. */

import { z } from "zod";
import { experimentSchema } from "../../core/run/config_schema.ts";
import { type Plugins } from "../../core/run/plugins/plugins.ts";

/** Editors know draft 7 best. */
const DRAFT = "draft-7";

/** A JSON Schema, or a part of one. */
export interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly [key: string]: unknown;
}

/**
 * The schema of a `--config` file: any setting may be absent. The options of `router` are those of one of
 * the routers; which one may be said in the file or elsewhere.
 */
export function settingsSchema({ routers }: Plugins): Schema {
  const all = Array.from(routers.entries(), ([name, { description, options }]) => {
    const schema = experimentSchema(options as z.ZodObject);
    const whole = z.toJSONSchema(schema, { io: "input", unrepresentable: "any", target: DRAFT });
    return { name, description, settings: (partial(whole as Schema) as Schema).properties! };
  });
  const { router: common, ...settings } = all[0]!.settings;
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Settings of a dlr experiment",
    description: "A file for --config. Experiments have defaults of their own: --help shows them.",
    type: "object",
    properties: {
      $schema: { type: "string", description: "where this schema is" },
      ...settings,
      router: {
        description: common!["description"],
        anyOf: all.map(({ name, description, settings: { router } }) => ({
          ...router,
          title: name,
          description,
          properties: {
            ...router!.properties,
            name: { ...router!.properties!["name"], const: name },
          },
        })),
      },
    },
    additionalProperties: false,
  };
}

/** A schema that asks for nothing, without what zod writes that tells a reader nothing. */
function partial(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(partial);
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema as Schema).filter(([key, value]) =>
    !(key === "required" && Array.isArray(value)) &&
    !(key === "default" && JSON.stringify(value) === "{}") &&
    !((key === "minimum" || key === "maximum") && Math.abs(Number(value)) >= 2 ** 53 - 1)
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, partial(value)]));
}
