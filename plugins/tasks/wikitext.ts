/**
 * Perplexity of WikiText-2's test articles (Merity et al. 2016, arXiv 1609.07843), with the marks of
 * its tokenization taken out. Counted as lm-evaluation-harness counts it (version 2).
 */

import { z } from "zod";
import { type Task } from "../../core/contracts/mod.ts";
import {
  checkedRow,
  perplexityTask,
  piecesBetweenSpace,
  PYTHON_SPACE,
} from "../../core/eval/harness/mod.ts";

const schema = z.object({ page: z.string() });

type Article = z.output<typeof schema>;

const SPACE = `[${PYTHON_SPACE}]*`;

/** `open`, white space, something without `close`, white space, `close`: the white space goes. */
function tight(
  open: string,
  close: string,
): readonly [RegExp, (match: string, inner: string) => string] {
  const [o, c] = [open, close].map((mark) => "()[]{}".includes(mark) ? `\\${mark}` : mark);
  return [
    new RegExp(`${o}${SPACE}([^${c}]*?)${SPACE}${c}`, "gu"),
    (_match, inner) => `${open}${inner}${close}`,
  ];
}

/** Replacements, in their order. */
const STEPS:
  readonly (readonly [RegExp | string, string | ((match: string, inner: string) => string)])[] = [
    ["s '", "s'"],
    [/\/' [0-9]\//gu, "/'[0-9]/"],
    [" @-@ ", "-"],
    [" @,@ ", ","],
    [" @.@ ", "."],
    [" : ", ": "],
    [" ; ", "; "],
    [" . ", ". "],
    [" ! ", "! "],
    [" ? ", "? "],
    [" , ", ", "],
    tight("(", ")"),
    tight("[", "]"),
    tight("{", "}"),
    tight('"', '"'),
    tight("'", "'"),
    ["= = = =", "===="],
    ["= = =", "==="],
    ["= =", "=="],
    [" \u00b0 ", "\u00b0"],
    [" \n", "\n"],
    ["\n ", "\n"],
    [" N ", " 1 "],
    [" 's", "'s"],
  ];

/** The text as it was before it was cut into words. */
export function detokenized(page: string): string {
  return STEPS.reduce((text, [found, put]) => {
    const by = typeof put === "string" ? () => put : put;
    return text.replaceAll(found, by);
  }, page);
}

/** WikiText-2's test articles, each as a whole. */
export const wikitext: Task = perplexityTask<Article>({
  name: "wikitext",
  description: "perplexity of WikiText-2's test articles",
  version: 2,
  dataset: {
    folder: "wikitext",
    hub: "EleutherAI/wikitext_document_level",
    config: "wikitext-2-raw-v1",
    columns: ["page"],
  },
  split: "test",
  document: (row) => checkedRow(schema, row),
  text: ({ page }) => detokenized(page),
  words: ({ page }) => piecesBetweenSpace(page),
  bytes: ({ page }) => new TextEncoder().encode(page).length,
}) as Task;
