/**
 * Which split a text belongs to: a function of a hash of the text itself.
 *
 * So the same document can never be in two splits, however often the generator happens to write it.
 * Some things that documents could say are reserved for the question sets of validation and test:
 * the text of a question, and a composition such as "the town of the mother of Doran". No document
 * of any split says them, which is what makes those questions unseen.
 */

import type { Split } from "../../../core/contracts/corpus.ts";
import { hashName } from "../../../core/tensor/random.ts";

/** Hash of a text in [0, 1): FNV-1a with its bits mixed once more (the finalizer of MurmurHash3). */
function share(text: string): number {
  let hash = hashName(text);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

function splitAt(place: number, heldOut: number): Split {
  if (place < heldOut) return "validation";
  return place < 2 * heldOut ? "test" : "train";
}

/** The split of a document: 90% train, 5% validation, 5% test. */
export function splitOfDocument(text: string): Split {
  return splitAt(share(text), 0.05);
}

/** The split of a claim: 80% train, which documents may say, 10% validation, 10% test. */
export function splitOfClaim(claim: string): Split {
  return splitAt(share(`claim:${claim}`), 0.1);
}
