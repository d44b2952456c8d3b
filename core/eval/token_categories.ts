/** Tokens by what they look like. */

/**
 * The sorts of tokens; a token is of the first that fits. `special` are those without a text of their
 * own, which begin and end documents.
 */
export const TOKEN_CATEGORIES = [
  "special",
  "whitespace",
  "punctuation",
  "numeric",
  "subword",
  "stop word",
  "word",
] as const;

/** One of {@link TOKEN_CATEGORIES}. */
export type TokenCategory = typeof TOKEN_CATEGORIES[number];

/** The commonest English function words. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  ("a an the and or but if of at by for with about to from in on as is are was were be been has " +
    "have had do does did it its he she they them his her their this that these those not no so " +
    "than then there here who which what when where how i you we me my our your").split(" "),
);

/**
 * The sort of a token by its text, if it has any.
 *
 * @param text as it stands in the text, a space in front included
 * @param continues whether it goes on with the word of the token before
 */
export function tokenCategory(text: string, continues: boolean): TokenCategory {
  const bare = text.trim();
  if (bare === "") return "whitespace";
  if (/^[\p{P}\p{S}]+$/u.test(bare)) return "punctuation";
  if (/^\p{N}+$/u.test(bare)) return "numeric";
  if (continues) return "subword";
  return STOP_WORDS.has(bare.toLowerCase()) ? "stop word" : "word";
}
