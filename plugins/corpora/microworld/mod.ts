/**
 * `microworld`: an embedded corpus that a seeded generator writes, and question sets over it.
 *
 * It needs no download, and it mixes tokens that deserve very different depth: templates that any
 * model predicts, facts of a fixed world, look-ups in a story, compositions of two or three of them,
 * and sums worked step by step. Each token's kind is labelled.
 *
 * Held out, besides whole documents: a tenth of all compositions ("the town of the mother of
 * Doran") and of all phrasings of fact questions for validation, and another tenth for test.
 */
export { microworld } from "./corpus.ts";
export { DEFAULT_SEED, type MicroworldOptions } from "./options.ts";
export {
  choiceQuestions,
  type Question,
  type QuestionKind,
  questions,
  transcript,
} from "./questions.ts";
export { microTasks } from "./tasks.ts";
export { type Kind, KINDS } from "./writer.ts";
