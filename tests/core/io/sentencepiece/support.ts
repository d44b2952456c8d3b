/** What the tests of SentencePiece share: the goldens, and models that differ from them a little. */

import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadTokenizer, type Tokenizer } from "../../../../core/io/tokenizer.ts";
import { inFolder } from "../support.ts";

const GOLDENS = fileURLToPath(new URL("../../../parity/goldens/sentencepiece/", import.meta.url));

/** The models of `make_sentencepiece_goldens.py`. */
export type GoldenModel = "identity" | "nmt_nfkc" | "bare";

/** What Python makes of a text; see `make_sentencepiece_goldens.py`. */
export interface GoldenCase {
  readonly text: string;
  readonly ids: readonly number[];
  readonly newIds: readonly number[];
  readonly decoded: string;
  readonly begins: readonly (number | null)[] | null;
}

/** The texts of a golden model and what Python makes of them. */
export function goldenCases(model: GoldenModel): GoldenCase[] {
  return JSON.parse(fs.readFileSync(join(GOLDENS, model, "cases.json"), "utf8"));
}

/**
 * Loads a golden model.
 *
 * @param files what is beside it, by name
 * @param appended fields behind the model's own; a protocol buffer's last field of a name counts
 */
export async function loadGolden(
  model: GoldenModel,
  files: Readonly<Record<string, unknown>> = {},
  appended: readonly number[] = [],
): Promise<Tokenizer> {
  let tokenizer: Tokenizer | undefined;
  await inFolder(async (folder) => {
    const own = fs.readFileSync(join(GOLDENS, model, "tokenizer.model"));
    fs.writeFileSync(join(folder, "tokenizer.model"), Uint8Array.from([...own, ...appended]));
    for (const [name, value] of Object.entries(files)) {
      fs.writeFileSync(join(folder, name), JSON.stringify(value));
    }
    tokenizer = await loadTokenizer(folder);
  });
  return tokenizer!;
}
