/** The blocks of code on the pages of documentation. */

import { type Page } from "./pages.ts";

/** A fenced block of a page. */
export interface Block {
  /** The page, from the root. */
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
 * The blocks of a page, in order.
 *
 * @throws {Error} for a fence that nothing closes.
 */
export function blocksIn({ path: page, text }: Page): Block[] {
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
          file: { name: named["name"]!, continued: named["continued"] !== undefined },
        }
        : {}),
    });
    before = "";
    at = end;
  }
  return blocks;
}
