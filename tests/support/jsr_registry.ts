/** A JSR registry in this process, on 127.0.0.1: what `JSR_URL` may point to in tests. */

import { createHash } from "node:crypto";
import fs from "node:fs";
import { join } from "node:path";
import project from "../../deno.json" with { type: "json" };

/** One version of a package. */
export interface JsrPackage {
  readonly version: string;
  /** Modules by what they are imported as: `"."` and `"./name"`. */
  readonly exports: Readonly<Record<string, string>>;
  /** Texts by their paths, such as `"mod.ts"`. */
  readonly files: Readonly<Record<string, string>>;
}

/** A registry of these packages, by names such as `"@acme/router"`; it runs until it is disposed of. */
export function serveJsr(
  packages: Readonly<Record<string, JsrPackage>>,
): Deno.HttpServer<Deno.NetAddr> {
  const answers = new Map<string, () => Response>();
  for (const [full, { version, exports, files }] of Object.entries(packages)) {
    const [scope, name] = full.slice(1).split("/");
    const manifest: Record<string, { size: number; checksum: string }> = {};
    for (const [path, text] of Object.entries(files)) {
      const bytes = new TextEncoder().encode(text);
      const digest = createHash("sha256").update(bytes).digest("hex");
      manifest[`/${path}`] = { size: bytes.length, checksum: `sha256-${digest}` };
      answers.set(
        `/${full}/${version}/${path}`,
        () => new Response(bytes, { headers: { "content-type": "text/typescript" } }),
      );
    }
    answers.set(
      `/${full}/meta.json`,
      () => Response.json({ scope, name, latest: version, versions: { [version]: {} } }),
    );
    answers.set(`/${full}/${version}_meta.json`, () => Response.json({ manifest, exports }));
  }
  return Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    ({ url }) => answers.get(new URL(url).pathname)?.() ?? new Response("none", { status: 404 }),
  );
}

/** dlr as `deno publish` would send it from the folder `root`: packages are named in full. */
export function publishedDlr(root: string): JsrPackage {
  const { include, exclude } = project.publish;
  const imports: Readonly<Record<string, string>> = project.imports;
  const inFull = (text: string) =>
    text.replaceAll(/\b(from|import) "([^."][^"]*)"/g, (whole, keyword, specifier) => {
      const name = Object.keys(imports).find((name) =>
        specifier === name || specifier.startsWith(`${name}/`)
      );
      return name === undefined
        ? whole
        : `${keyword} "${imports[name]}${specifier.slice(name.length)}"`;
    });
  const files: Record<string, string> = {};
  const add = (path: string) => {
    if (exclude.includes(path)) return;
    if (fs.statSync(join(root, path)).isDirectory()) {
      for (const name of fs.readdirSync(join(root, path))) add(`${path}/${name}`);
    } else if (path.endsWith(".ts")) {
      files[path] = inFull(fs.readFileSync(join(root, path), "utf8"));
    }
  };
  include.forEach(add);
  return { version: project.version, exports: project.exports, files };
}
