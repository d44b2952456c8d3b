/** The endless stream of documents, and which family each is of. */

import type { Corpus, Document, Split } from "../../../core/contracts/corpus.ts";
import { RandomStream } from "../../../core/tensor/random.ts";
import { arithmeticProblem, countingOn } from "./arithmetic.ts";
import { circleOfPeople, countOfThings, orderOfNumbers, orderOfPeople } from "./circles.ts";
import { writeAges, writeEntries, writeFactList, writeFactQuestions } from "./facts.ts";
import { writeCompositionQuestions, writeCompositions } from "./hops.ts";
import { answer, ask, type Problem, tell } from "./problem.ts";
import { splitOfClaim, splitOfDocument } from "./splits.ts";
import { boxStory, trackingStory } from "./stories.ts";
import { type MicroworldOptions, seedOf } from "./options.ts";
import { choiceQuestions } from "./questions.ts";
import { buildWorld, type World } from "./world.ts";
import { KINDS, Writer } from "./writer.ts";

type Family = (writer: Writer, random: RandomStream, world: World) => void;

/** One long problem, told with up to four conclusions or asked. */
function single(draw: (random: RandomStream) => Problem): Family {
  return (writer, random) => {
    const problem = draw(random);
    if (random.below(2) === 0) {
      tell(writer, random, problem, 4);
      return;
    }
    const conclusion = random.pick(problem.conclusions);
    ask(writer, problem, conclusion);
    answer(writer, problem, conclusion);
  };
}

/** Several short problems, one a line, all told or all asked. */
function several(draw: (random: RandomStream) => Problem, count: number): Family {
  return (writer, random) => {
    const asked = random.below(2) === 0;
    for (let i = 0; i < count; i++) {
      const problem = draw(random);
      if (i > 0) writer.newline();
      if (!asked) tell(writer, random, problem, 2);
      else {
        const conclusion = random.pick(problem.conclusions);
        ask(writer, problem, conclusion);
        answer(writer, problem, conclusion);
      }
    }
  };
}

/**
 * Families by weight, out of 100: stories 15, other things that follow from a text 14, facts 25,
 * composed facts 24, arithmetic 22.
 */
const FAMILIES: readonly (readonly [weight: number, family: Family])[] = [
  [10, single(trackingStory)],
  [5, single(boxStory)],
  [4, single(circleOfPeople)],
  [4, several(orderOfPeople, 3)],
  [3, several(countOfThings, 3)],
  [3, several(orderOfNumbers, 3)],
  [12, writeEntries],
  [4, writeFactList],
  [7, writeFactQuestions],
  [2, writeAges],
  [16, writeCompositions],
  [8, writeCompositionQuestions],
  [20, several(arithmeticProblem, 3)],
  [2, several(countingOn, 4)],
];

const TOTAL_WEIGHT = FAMILIES.reduce((sum, [weight]) => sum + weight, 0);

function pickFamily(random: RandomStream): Family {
  let ticket = random.below(TOTAL_WEIGHT);
  for (const [weight, family] of FAMILIES) {
    if (ticket < weight) return family;
    ticket -= weight;
  }
  throw new Error("internal: weights do not add up");
}

/** The document with a number; absent where it would say something that a question set reserves. */
function draftDocument(world: World, seed: number, index: number): Document | undefined {
  const random = new RandomStream(seed, "microworld/document", index);
  const writer = new Writer();
  pickFamily(random)(writer, random, world);
  if (writer.claims.some((claim) => splitOfClaim(claim) !== "train")) return undefined;
  return writer.document();
}

function* documents(world: World, seed: number, split: Split): Generator<Document> {
  for (let index = 0;; index++) {
    const document = draftDocument(world, seed, index);
    if (document !== undefined && splitOfDocument(document.text) === split) yield document;
  }
}

/**
 * A micro-language of stories, facts, compositions and sums, some 25 to 120 words a document.
 *
 * The documents of each split are endless and lazily written; a document's split is a function of
 * its text, so no text is in two splits. Spans say what predicting each token takes (see
 * {@link KINDS}). The facts of the world depend on the seed and are the same in every document.
 *
 * @throws {UserError} if the seed is not a whole number from 0 on
 */
export function microworld(options: MicroworldOptions = {}): Corpus {
  const seed = seedOf(options);
  const world = buildWorld(seed);
  return {
    name: "microworld",
    kinds: KINDS,
    documents: (split) => ({ [Symbol.iterator]: () => documents(world, seed, split) }),
    questions: (split) => choiceQuestions(split, options),
  };
}
