/** Options that a plugin declares with zod: routers and launchers have some. */

import assert from "node:assert/strict";
import { type Schema } from "../contracts/mod.ts";
import { type PluginPromise } from "./promise.ts";
import { assertSame } from "./same.ts";

/** Promises about declared options. @param where the plugin declares them */
export function optionPromises(options: Schema, where: string): PluginPromise[] {
  return [
    {
      name: "has a default for every option",
      lookAt: `${where}: \`.default(…)\` or \`.optional()\` on each`,
      check() {
        const parsed = options.safeParse({});
        if (!parsed.success) {
          const { path, message } = parsed.error.issues[0]!;
          assert.fail(`option ${path.join(".") || "?"}: ${message}`);
        }
        return JSON.stringify(parsed.data);
      },
    },
    {
      name: "describes every option",
      lookAt: `${where}: an object, with \`.describe(…)\` on each option, which --help shows`,
      check() {
        const shape = shapeOf(options);
        assert.ok(shape, "its options are no z.object, so they cannot be listed");
        const silent = Object.keys(shape).filter((name) => !shape[name]!.description);
        assertSame(silent, [], `nothing is said about ${silent.join(", ")}`);
        return `${Object.keys(shape).length} options`;
      },
    },
  ];
}

/** The options of an object, by name; of another copy of zod as well. */
export function shapeOf(
  options: Schema,
): Readonly<Record<string, { readonly description?: string | undefined }>> | undefined {
  return "shape" in options ? options.shape as ReturnType<typeof shapeOf> : undefined;
}
