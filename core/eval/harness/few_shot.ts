/** The examples in front of a question, drawn as lm-evaluation-harness 0.4.13 draws them. */

import { isDeepStrictEqual } from "node:util";
import { type Task, UserError } from "../../contracts/mod.ts";
import { PythonRandom } from "./python_random.ts";

/**
 * Draws examples for one document after the other. What a document gets depends on how many came
 * before it, so documents have to be asked for in their order, from the first.
 */
export class FewShots {
  readonly #random: PythonRandom;

  /**
   * @param pool the documents that examples are drawn from, in their order
   * @param count how many each document gets
   * @throws {UserError} when the pool has not as many.
   */
  constructor(
    private readonly task: Task,
    private readonly pool: readonly unknown[],
    private readonly count: number,
    seed: number,
  ) {
    this.#random = new PythonRandom(seed);
    const needed = count + (count > 0 && task.shots?.draw === "random-other" ? 1 : 0);
    if (pool.length < needed) {
      throw new UserError(
        `Cannot draw ${count} examples for ${task.name}: its split "${task.shots?.split}" has ` +
          `${pool.length} documents and ${needed} are needed; ask for fewer examples`,
      );
    }
  }

  /** The examples for the next document. */
  draw(doc: unknown): readonly unknown[] {
    const { pool, count } = this;
    if (count === 0) return [];
    switch (this.task.shots!.draw) {
      case "first":
        return pool.slice(0, count);
      case "random":
        return this.#random.sample(pool, count);
      case "random-other": {
        const others = this.#random.sample(pool, count + 1)
          .filter((other) => !isDeepStrictEqual(other, doc));
        if (others.length >= count) return others.slice(0, count);
        // The document stands in the pool more than once.
        const without = pool.filter((other) => !isDeepStrictEqual(other, doc));
        if (without.length >= count) return this.#random.sample(without, count);
        throw new UserError(
          `Cannot draw ${count} examples for ${this.task.name}: but for copies of the question its ` +
            `split "${this.task.shots!.split}" has ${without.length} documents; ask for fewer`,
        );
      }
    }
  }

  /** What stands in front of the next document's question. */
  prefix(doc: unknown): string {
    const { preamble = "" } = this.task;
    return preamble + this.draw(doc).map((shot) => this.#example(shot)).join("");
  }

  /** A question with its answer; the harness puts nothing around an empty one. */
  #example(shot: unknown): string {
    const [question, answer] = [this.task.question(shot), this.task.answer(shot)];
    return answer === "" ? question : `${question} ${answer}\n\n`;
  }
}
