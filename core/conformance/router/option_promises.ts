/** What a kind of router promises of its options. */

import assert from "node:assert/strict";
import { type RouterKind } from "../../contracts/mod.ts";
import { optionPromises } from "../options.ts";
import { type PluginPromise } from "../promise.ts";
import { assertSame } from "../same.ts";
import { SITE } from "./setup.ts";

/** Sites at the edges: one block to decide about, no anchor, a narrow state. */
const EDGES = [
  { ...SITE, routableLayers: 1 },
  { ...SITE, anchorLayers: 0 },
  { ...SITE, hiddenSize: 2 },
];

/** Promises about a kind's options and what they make. @param given options; none are the defaults */
export function routerOptionPromises(
  kind: RouterKind,
  given: Readonly<Record<string, unknown>>,
): PluginPromise[] {
  const make = () => kind.create(kind.options.parse(given));
  return [
    ...optionPromises(kind.options, "RouterKind.options"),
    {
      name: "refuses options that it does not know",
      lookAt: "RouterKind.options: z.strictObject",
      check() {
        const { success } = kind.options.safeParse({ ...given, "no-such-option": 1 });
        assert.ok(!success, "an option of no meaning is taken");
        return "no-such-option";
      },
    },
    {
      name: "makes a router of its own name",
      lookAt: "RouterKind.create, and Router.name",
      check() {
        const { name, decidesBy } = make();
        assertSame(name, kind.name, `the router is called "${name}", its kind "${kind.name}"`);
        return `it decides by ${decidesBy}`;
      },
    },
    {
      name: "declares parameters for any site",
      lookAt: "Router.params, where widths are divided",
      check() {
        const router = make();
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
