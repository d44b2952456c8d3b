/** What tells one state of a plugin's sources from another. */

import { createHash } from "node:crypto";
import fs from "node:fs";
import { fileURLToPath } from "node:url";

/** Relative imports, as `from "./x.ts"`, `import "./x.ts"` and `import("./x.ts")` have them. */
const RELATIVE = /\b(?:from|import)\s*\(?\s*(["'])(?<path>\.{1,2}\/[^"']+)\1/g;

/**
 * SHA-256 of a module and of all that it imports by a relative path, in hexadecimal; undefined where
 * it is no file.
 *
 * @param specifier absolute
 */
export function sourceHash(specifier: string): string | undefined {
  if (!specifier.startsWith("file:")) return undefined;
  const hash = createHash("sha256");
  const seen = new Set<string>();
  const take = (url: string) => {
    if (seen.has(url)) return;
    seen.add(url);
    let text: string;
    try {
      text = fs.readFileSync(fileURLToPath(url), "utf8");
    } catch {
      // Something quoted in a comment, perhaps; loading has the last word.
      return;
    }
    hash.update(text).update("\0");
    for (const { groups } of text.matchAll(RELATIVE)) take(new URL(groups!["path"]!, url).href);
  };
  take(specifier);
  return hash.digest("hex");
}
