/**
 * Imports run one way. The table below is where that is written down: core from tensors outwards,
 * plugins upon core and never upon each other, scripts upon anything.
 */

import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path/posix";

/** Room -> rooms that it may import from, besides itself. `core` stands for every room of core. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "core/tensor": [],
  "core/graph": ["core/tensor"],
  "core/contracts": ["core/tensor", "core/graph"],
  "core/io": ["core/tensor", "core/contracts"],
  "core/nn": ["core/tensor", "core/graph", "core/contracts"],
  "core/routing": ["core/tensor", "core/graph", "core/contracts", "core/nn"],
  "core/train": [
    "core/tensor",
    "core/graph",
    "core/contracts",
    "core/nn",
    "core/routing",
    "core/io",
  ],
  "core/inference": [
    "core/tensor",
    "core/graph",
    "core/contracts",
    "core/nn",
    "core/routing",
    "core/io",
    "core/train",
  ],
  "core/eval": [
    "core/tensor",
    "core/graph",
    "core/contracts",
    "core/nn",
    "core/routing",
    "core/io",
    "core/train",
    "core/inference",
  ],
  "core/report": ["core/tensor", "core/contracts", "core/io"],
  "core/conformance": [
    "core/tensor",
    "core/graph",
    "core/contracts",
    "core/nn",
    "core/routing",
    "core/io",
    "core/train",
    "core/inference",
    "core/eval",
  ],
  // The versions that a run records are those of deno.json.
  "core/run": ["core", "deno.json"],
  "plugins/models": ["core"],
  "plugins/routers": ["core"],
  "plugins/tasks": ["core"],
  "plugins/corpora": ["core"],
  "plugins/backends": ["core"],
  "plugins/launchers": ["core"],
  // The list of the built-in plugins has to know them.
  "plugins/mod.ts": ["core", "plugins"],
};

/** Rooms that are for these only, whatever the table above says: nothing that is checked needs its kit. */
const ONLY_FOR: Readonly<Record<string, readonly string[]>> = { "core/conformance": ["core/run"] };

/** One file importing another; both paths from the root of the repository. */
interface Import {
  readonly from: string;
  readonly to: string;
}

/** `core/nn/linear.ts` to `core/nn`; a file directly in core or plugins is a room of its own. */
function roomOf(path: string): string {
  return path.split("/").slice(0, 2).join("/");
}

/** What is wrong with an import, or null when it points the right way. */
function offence({ from, to }: Import): string | null {
  const [inner, outer] = [roomOf(from), roomOf(to)];
  const allowed = MAY_IMPORT[inner];
  if (!allowed) return `${from} is in no room of the table in tests/imports_test.ts`;
  if (inner === outer) return null;
  const isFor = ONLY_FOR[outer]?.includes(inner) ?? true;
  const fits = isFor && allowed.some((room) => room === outer || outer.startsWith(`${room}/`));
  return fits ? null : `${from} imports ${to}`;
}

/** `import ... from "x"`, `export ... from "x"`, `import "x"` and `import("x")`, types or not. */
const SPECIFIER = /\b(?:from|import)\s*\(?\s*(["'`])(?<path>\.[^"'`]*)\1/g;
/** Workers and wasm modules are found by `new URL("x", import.meta.url)`. */
const MODULE_URL = /new URL\(\s*(["'`])(?<path>[^"'`]+\.[jt]s)\1\s*,\s*import\.meta\.url/g;
/** Comments may quote imports; a line comment opens its line, so that addresses are left alone. */
const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;

/** The files of the repository that `source`, the text of the file at `path`, imports. */
function importsOf(path: string, source: string): Import[] {
  const code = source.replaceAll(COMMENT, "");
  return [SPECIFIER, MODULE_URL].flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => ({
      from: path,
      to: normalize(join(dirname(path), match.groups!["path"]!)),
    }))
  );
}

const root = new URL("../", import.meta.url);

/** Every TypeScript file below `folder`, as paths from the root. */
function* sourcesIn(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sourcesIn(path);
    else if (name.endsWith(".ts")) yield path;
  }
}

Deno.test("every import points the way of the table", () => {
  const imports = ["core", "plugins"].flatMap((folder) =>
    [...sourcesIn(folder)].flatMap((path) =>
      importsOf(path, Deno.readTextFileSync(new URL(path, root)))
    )
  );
  // A search that finds next to nothing is a broken one.
  assert.ok(imports.length > 50, `only ${imports.length} imports found`);
  assert.deepEqual(imports.map(offence).filter((each) => each !== null), []);
});

Deno.test("the table allows no two rooms to import each other", () => {
  for (const [room, allowed] of Object.entries(MAY_IMPORT)) {
    if (!room.startsWith("core/") || allowed.includes("core")) continue;
    for (const other of allowed) {
      assert.ok(!MAY_IMPORT[other]?.includes(room), `${room} and ${other} may import each other`);
    }
  }
});

Deno.test("the check finds imports that point the wrong way", () => {
  const wrong: Import[] = [
    { from: "core/tensor/host.ts", to: "core/graph/node.ts" },
    { from: "core/nn/linear.ts", to: "core/routing/forward.ts" },
    { from: "core/io/json.ts", to: "core/graph/mod.ts" },
    { from: "core/report/figures.ts", to: "core/run/table.ts" },
    { from: "core/train/step.ts", to: "core/eval/evaluator.ts" },
    { from: "core/run/registry.ts", to: "plugins/mod.ts" },
    { from: "core/conformance/mod.ts", to: "core/run/table.ts" },
    { from: "core/conformance/model/mod.ts", to: "plugins/backends/reference/mod.ts" },
    { from: "core/eval/evaluator.ts", to: "core/conformance/mod.ts" },
    { from: "plugins/routers/token.ts", to: "core/conformance/mod.ts" },
    { from: "core/nn/linear.ts", to: "scripts/exp10.ts" },
    { from: "plugins/routers/token.ts", to: "plugins/models/llama.ts" },
    { from: "plugins/routers/token.ts", to: "plugins/mod.ts" },
    { from: "plugins/backends/onnx/mod.ts", to: "tests/paths.ts" },
  ];
  assert.deepEqual(wrong.map(offence), wrong.map(({ from, to }) => `${from} imports ${to}`));
  assert.match(
    offence({ from: "core/new/a.ts", to: "core/new/b.ts" })!,
    /core\/new\/a\.ts is in no/,
  );
});

Deno.test("the check lets through imports that point the right way", () => {
  const right: Import[] = [
    { from: "core/graph/node.ts", to: "core/tensor/mod.ts" },
    { from: "core/graph/ops/mod.ts", to: "core/graph/node.ts" },
    { from: "core/run/experiment.ts", to: "core/train/mod.ts" },
    { from: "core/run/experiment.ts", to: "core/conformance/mod.ts" },
    { from: "core/conformance/model/mod.ts", to: "core/inference/mod.ts" },
    { from: "plugins/models/nano/mod.ts", to: "plugins/models/llama/mod.ts" },
    { from: "plugins/routers/token.ts", to: "core/nn/mod.ts" },
    { from: "plugins/mod.ts", to: "plugins/models/llama.ts" },
  ];
  assert.deepEqual(right.map(offence), right.map(() => null));
});

Deno.test("the check sees imports in all their forms, and none in comments", () => {
  const source = `
    import { a } from "./a.ts";
    import type { B } from '../graph/b.ts';
    import {
      c,
    } from "../../plugins/c.ts";
    export * from "./d.ts";
    import "./e.ts";
    const f = await import("./f.ts");
    type G = import("../g.ts").G;
    new Worker(new URL("./h.ts", import.meta.url));
    import assert from "node:assert/strict";
    // import { no } from "./no.ts";
    /** See {@link import("./no.ts")}. */
  `;
  const found = importsOf("core/nn/x.ts", source).map(({ to }) => to).toSorted();
  assert.deepEqual(found, [
    "core/g.ts",
    "core/graph/b.ts",
    "core/nn/a.ts",
    "core/nn/d.ts",
    "core/nn/e.ts",
    "core/nn/f.ts",
    "core/nn/h.ts",
    "plugins/c.ts",
  ]);
});
