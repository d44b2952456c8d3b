/** docs/public_api.md names what there is, and all of it. */

import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };
import * as face from "../../mod.ts";
import { page } from "./pages.ts";

const { text } = page("docs/public_api.md");
const faceText = Deno.readTextFileSync(new URL("../../mod.ts", import.meta.url));

/** Names in code, in the section that lists them. */
const listed = new Set(
  text.slice(text.indexOf("## The face, by purpose")).matchAll(/`([A-Za-z_]\w*)`/g)
    .map(([, name]) => name!),
);

Deno.test("the page of the public face has every function, class and constant", () => {
  assert.deepEqual(Object.keys(face).filter((name) => !listed.has(name)), []);
});

Deno.test("the page of the public face lists nothing that is not exported", () => {
  const exported = new Set(
    faceText.matchAll(/export (?:type )?\{([^}]*)\}/g)
      .flatMap(([, names]) => names!.split(",").map((name) => name.replace(/\btype\b/, "").trim())),
  );
  assert.ok(exported.size > 200, `only ${exported.size} exports found`);
  assert.deepEqual([...listed].filter((name) => !exported.has(name)), []);
});

Deno.test("the page of the public face names every entry of the package", () => {
  for (const entry of Object.keys(project.exports)) {
    assert.ok(text.includes(`\`${project.name}${entry.slice(1)}\``), entry);
  }
});

Deno.test("the face is named symbol by symbol", () => {
  assert.doesNotMatch(faceText, /export \*/);
});
