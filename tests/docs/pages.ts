/** The documents of the repository, and the blocks of code in them. */

import { join } from "node:path/posix";
import { fileURLToPath } from "node:url";

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");

/** A fenced block of a document. */
export interface Block {
  /** The document, from the root. */
  readonly page: string;
  /** The line of its fence, from 1. */
  readonly line: number;
  /** What stands behind the fence: `sh`, `ts`, `json`, `text`, … */
  readonly language: string;
  readonly text: string;
  /** The file that it is, where a line in front of it says so: `` `name.ts`: `` */
  readonly file?: { readonly name: string; readonly continued: boolean };
}

/** `` `my_model.ts`: `` or `` `my_model.ts`, continued: `` on a line of its own. */
const FILE_LINE = /^`(?<name>[\w./-]+\.\w+)`(?<continued>, continued)?:$/;

const FENCE = /^(?<indent> *)(?<ticks>`{3,})(?<language>\S*)$/;

/**
 * The blocks of a document, in order.
 *
 * @throws {Error} for a fence that nothing closes.
 */
export function blocksIn(page: string, text: string): Block[] {
  const lines = text.split("\n");
  const blocks: Block[] = [];
  let before = "";
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const { indent = "", ticks, language = "" } = FENCE.exec(line)?.groups ?? {};
    if (ticks === undefined) {
      if (line.trim() !== "") before = line;
      continue;
    }
    const end = lines.findIndex((other, i) => i > at && other === `${indent}${ticks}`);
    if (end < 0) throw new Error(`${page}, line ${at + 1}: nothing closes this block`);
    const body = lines.slice(at + 1, end).map((inner) => inner.slice(indent.length));
    const named = FILE_LINE.exec(before)?.groups;
    blocks.push({
      page,
      line: at + 1,
      language,
      text: body.join("\n") + "\n",
      ...(named
        ? {
          file: { name: named["name"]!, continued: "continued" in named && !!named["continued"] },
        }
        : {}),
    });
    before = "";
    at = end;
  }
  return blocks;
}

/** README.md, everything below docs/, and the READMEs of examples; from the root, sorted. */
export function pages(): string[] {
  const docs = filesIn("docs").filter((path) => path.endsWith(".md"));
  const examples = filesIn("examples").filter((path) => path.endsWith("/README.md"));
  return ["README.md", ...docs, ...examples].toSorted();
}

/** The text of a file of the repository. */
export function textOf(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path));
}

function filesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(join(ROOT, folder))).flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (!isDirectory) return [path];
    return name === "node_modules" || name === "results" ? [] : filesIn(path);
  });
}
