/** Tokens by what they look like, and how deep a router sends each sort. */

/** The sorts of tokens, as far as their text tells; a token is of the first that fits. */
export type TokenCategory =
  | "whitespace"
  | "punctuation"
  | "numeric"
  | "stop word"
  | "subword"
  | "word";

/** The commonest English function words. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  ("a an the and or but if of at by for with about to from in on as is are was were be been has " +
    "have had do does did it its he she they them his her their this that these those not no so " +
    "than then there here who which what when where how i you we me my our your").split(" "),
);

/**
 * The sort of a token by its text.
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

/** Averages over the tokens of one sort. */
export interface CategoryRow {
  readonly category: string;
  readonly tokens: number;
  /** Blocks run per token, anchor layers included. */
  readonly activeLayers: number;
  /** Nats. */
  readonly loss: number;
  /** Share of the tokens whose loss is among the highest tenth of all. */
  readonly highLossShare: number;
}

/** One token as it was processed. */
export interface ProcessedToken {
  readonly category: TokenCategory;
  readonly activeLayers: number;
  readonly loss: number;
}

/** Averages by category, deepest first, after those over all tokens and over those hard to predict. */
export function categoryRows(tokens: readonly ProcessedToken[]): CategoryRow[] {
  const losses = tokens.map(({ loss }) => loss).sort((a, b) => a - b);
  const high = losses[Math.floor(0.9 * losses.length)] ?? Infinity;
  const row = (category: string, own: readonly ProcessedToken[]): CategoryRow => {
    const mean = (value: (token: ProcessedToken) => number) =>
      own.reduce((sum, token) => sum + value(token), 0) / own.length;
    return {
      category,
      tokens: own.length,
      activeLayers: mean((token) => token.activeLayers),
      loss: mean((token) => token.loss),
      highLossShare: mean((token) => token.loss >= high ? 1 : 0),
    };
  };
  const groups = Map.groupBy(tokens, ({ category }) => category);
  return [
    row("all", tokens),
    row("high loss", tokens.filter(({ loss }) => loss >= high)),
    ...Array.from(groups, ([category, own]) => row(category, own))
      .toSorted((a, b) => b.activeLayers - a.activeLayers),
  ].filter((one) => one.tokens > 0);
}
