/** What a kind of router promises of its options. */

import assert from "node:assert/strict";
import { ZodObject } from "zod";
import { type RouterKind } from "../../contracts/mod.ts";
import { type PluginPromise } from "../promise.ts";
import { SITE } from "./setup.ts";

/** Sites at the edges: one block to decide about, no anchor, a narrow state. */
const EDGES = [
  { ...SITE, routableLayers: 1 },
  { ...SITE, anchorLayers: 0 },
  { ...SITE, hiddenSize: 2 },
];

/** Promises about a kind's options and what they make by default. */
export function optionPromises(kind: RouterKind): PluginPromise[] {
  const byDefault = () => kind.create(kind.options.parse({}));
  return [
    {
      name: "has a default for every option",
      lookAt: "RouterKind.options: `.default(…)` or `.optional()` on each",
      check() {
        const parsed = kind.options.safeParse({});
        if (!parsed.success) {
          const { path, message } = parsed.error.issues[0]!;
          assert.fail(`option ${path.join(".") || "?"}: ${message}`);
        }
        return JSON.stringify(parsed.data);
      },
    },
    {
      name: "refuses options that it does not know, and describes those that it has",
      lookAt: "RouterKind.options: z.strictObject, with `.describe(…)` on each option",
      check() {
        const { options } = kind;
        const unknown = options.safeParse({ "no-such-option": 1 });
        assert.ok(!unknown.success, "an option of no meaning is taken");
        assert.ok(
          options instanceof ZodObject,
          "its options are no object, so --help cannot list them",
        );
        const names = Object.entries(options.shape);
        const silent = names.filter(([, option]) => !describes(option)).map(([name]) => name);
        assert.deepEqual(silent, [], `nothing is said about ${silent.join(", ")}`);
        return `${names.length} options`;
      },
    },
    {
      name: "makes by default a router of its own name",
      lookAt: "RouterKind.create, and Router.name",
      check() {
        const { name, decidesBy } = byDefault();
        assert.equal(name, kind.name, `the router is called "${name}", its kind "${kind.name}"`);
        return `it decides by ${decidesBy}`;
      },
    },
    {
      name: "declares parameters for any site",
      lookAt: "Router.params, where widths are divided",
      check() {
        const router = byDefault();
        const counts = EDGES.map((site) => {
          const specs = Object.entries(router.params(site));
          for (const [name, { shape }] of specs) {
            assert.ok(
              shape.every((size) => Number.isInteger(size) && size > 0),
              `${name} is [${shape}] at a width of ${site.hiddenSize}`,
            );
          }
          return specs.length;
        });
        return `${Math.max(...counts)} parameters`;
      },
    },
  ];
}

function describes(option: unknown): boolean {
  const { description } = option as { description?: string };
  return typeof description === "string" && description.length > 0;
}
