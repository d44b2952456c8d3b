/** A queue of pairs to merge, the best first: a binary heap. */

/** Two neighbouring symbols that are a piece together. */
export interface MergeCandidate {
  /** The piece's. */
  readonly score: number;
  /** The symbols' numbers, in the order of the text. */
  readonly left: number;
  readonly right: number;
  /** Of the two together, in UTF-16 code units. */
  readonly length: number;
}

/** Gives back what was pushed, the highest score first and the leftmost of equals. */
export class MergeQueue {
  /** Each comes before those at twice its place plus one and plus two. */
  readonly #heap: MergeCandidate[] = [];

  push(pair: MergeCandidate): void {
    let at = this.#heap.push(pair) - 1;
    while (at > 0) {
      const parent = at - 1 >> 1;
      if (!isBefore(pair, this.#heap[parent]!)) break;
      this.#heap[at] = this.#heap[parent]!;
      at = parent;
    }
    this.#heap[at] = pair;
  }

  /** Takes out the best; `undefined` when there is none. */
  pop(): MergeCandidate | undefined {
    const best = this.#heap[0];
    const last = this.#heap.pop();
    const { length } = this.#heap;
    if (length === 0 || last === undefined) return best;
    let at = 0;
    for (let child = 1; child < length; child = 2 * at + 1) {
      if (child + 1 < length && isBefore(this.#heap[child + 1]!, this.#heap[child]!)) child++;
      if (!isBefore(this.#heap[child]!, last)) break;
      this.#heap[at] = this.#heap[child]!;
      at = child;
    }
    this.#heap[at] = last;
    return best;
  }
}

function isBefore(a: MergeCandidate, b: MergeCandidate): boolean {
  return a.score > b.score || (a.score === b.score && a.left < b.left);
}
