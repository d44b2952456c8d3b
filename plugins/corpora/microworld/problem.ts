/**
 * A problem is what families of documents have in common: some things are given, and some follow.
 *
 * The same problem can be told as a text that ends with what follows, or asked as a question; and a
 * question of the question sets is a problem asked outside any document.
 */

import type { RandomStream } from "../../../core/tensor/random.ts";
import { type Sentence, sentence, type Writer } from "./writer.ts";

/** Something that follows from what is given. */
export interface Conclusion {
  readonly statement: Sentence;
  readonly question: Sentence;
  /** The answer, without a full stop. */
  readonly answer: Sentence;
  /** Answers that would tempt, such as another room of the story; may hold the right one too. */
  readonly tempting?: readonly string[];
  /** Answers of the same sort, to fill up wrong choices from; absent: free-form. */
  readonly pool?: readonly string[];
  /** What may be reserved; absent: the text of the question. */
  readonly claim?: string;
}

/** What is given, the steps of the reasoning where they are spelled out, and what follows. */
export interface Problem {
  readonly given: readonly Sentence[];
  /** Worked steps between the question and its answer. */
  readonly steps?: readonly Sentence[];
  /** The given sentences with the steps between them, for telling; absent: given, then steps. */
  readonly told?: readonly Sentence[];
  /** At least one. */
  readonly conclusions: readonly Conclusion[];
}

/** Writes the problem as a text that ends with up to `count` of its conclusions. */
export function tell(writer: Writer, random: RandomStream, problem: Problem, count: number): void {
  const told = problem.told ?? [...problem.given, ...(problem.steps ?? [])];
  for (const said of told) writer.say(said);
  for (const conclusion of random.shuffle([...problem.conclusions]).slice(0, count)) {
    writer.say(conclusion.statement);
  }
}

const QUESTION = sentence("Question:");
const ANSWER = sentence("Answer:");
const THE_ANSWER_IS = sentence("The answer is");
const FULL_STOP = ".";

/** Writes the problem as a question, from "Question:" up to "Answer:", and notes its claim. */
export function ask(writer: Writer, problem: Problem, conclusion: Conclusion): string {
  writer.say(QUESTION);
  const start = writer.text.length + 1;
  for (const said of problem.given) writer.say(said);
  writer.say(conclusion.question);
  const text = writer.text.slice(start);
  writer.claim(conclusion.claim ?? text);
  writer.newline();
  writer.say(ANSWER);
  return text;
}

/** Writes the worked steps, if any, and the answer. */
export function answer(writer: Writer, problem: Problem, conclusion: Conclusion): void {
  if (problem.steps !== undefined) {
    for (const step of problem.steps) writer.say(step);
    writer.say(THE_ANSWER_IS);
  }
  const { template, slots } = conclusion.answer;
  writer.continue(sentence(template + FULL_STOP, slots));
}
