/**
 * Question sets over the microworld, for evaluation tasks.
 *
 * - `facts`: four choices, knowledge of the world;
 * - `reason`: four choices, state tracking, ordering, and compositions over facts and over texts;
 * - `math`: free-form, word problems with worked steps.
 *
 * The questions of validation and test are reserved: their text is in no document of any split. The
 * questions of train, for examples in a prompt, may be.
 */

import type { ChoiceQuestion, Split } from "../../../core/contracts/corpus.ts";
import { RandomStream } from "../../../core/tensor/random.ts";
import { arithmeticProblem } from "./arithmetic.ts";
import { circleOfPeople, countOfThings, orderOfNumbers, orderOfPeople } from "./circles.ts";
import { factProblem } from "./facts.ts";
import { compose, compositionProblem } from "./hops.ts";
import { type MicroworldOptions, seedOf } from "./options.ts";
import { ask, type Conclusion, type Problem } from "./problem.ts";
import { splitOfClaim } from "./splits.ts";
import { boxStory, trackingStory } from "./stories.ts";
import { buildWorld, type World } from "./world.ts";
import { type Sentence, Writer } from "./writer.ts";

/** The three question sets. */
export type QuestionKind = "facts" | "reason" | "math";

/** A question and its answer. */
export interface Question {
  /** What is asked, with the story it is about in front. */
  readonly question: string;
  /** Four different answers, one of them right; absent: free-form. */
  readonly choices?: readonly string[];
  /** The right answer, without a full stop. */
  readonly answer: string;
  /** The reasoning, where it is spelled out: "14 + 8 = 22. 22 - 5 = 17." */
  readonly worked?: string;
}

/** Questions in each split of `reason` and `math`; `facts` has as many as the world yields. */
const QUESTIONS_PER_SPLIT = 1000;

/**
 * A question as the documents write it, which is the form that a model of this corpus knows.
 *
 * @returns the prompt, which ends with "Answer:", and the continuation, which begins with a space
 */
export function transcript(asked: Question): { prompt: string; continuation: string } {
  const { question, answer, worked } = asked;
  const continuation = worked === undefined ? ` ${answer}.` : ` ${worked} The answer is ${answer}.`;
  return { prompt: `Question: ${question}\nAnswer:`, continuation };
}

/** The text of some sentences by themselves. */
function textOf(sentences: readonly Sentence[]): string {
  const writer = new Writer();
  for (const said of sentences) writer.say(said);
  return writer.text;
}

/** The right answer and three wrong ones in random order; absent where there are not three. */
function drawChoices(
  random: RandomStream,
  right: string,
  { tempting = [], pool = [] }: Conclusion,
): readonly string[] | undefined {
  const wrong = new Set([...random.shuffle([...tempting]), ...random.shuffle([...pool])]);
  wrong.delete(right);
  const others = [...wrong].slice(0, 3);
  return others.length < 3 ? undefined : random.shuffle([right, ...others]);
}

/** A problem as a question of a split; absent where it belongs to another or lacks choices. */
function toQuestion(
  random: RandomStream,
  split: Split,
  problem: Problem,
  conclusion: Conclusion,
): Question | undefined {
  const scratch = new Writer();
  const question = ask(scratch, problem, conclusion);
  if (splitOfClaim(scratch.claims[0]!) !== split) return undefined;
  const { template, slots } = conclusion.answer;
  const answer = template.replaceAll(/\{([^}]*)\}/g, (_, slot: string) => slots[slot]!.text);
  const worked = problem.steps === undefined ? {} : { worked: textOf(problem.steps) };
  if (conclusion.pool === undefined) return { question, answer, ...worked };
  const choices = drawChoices(random, answer, conclusion);
  return choices === undefined ? undefined : { question, choices, answer };
}

/** Every phrasing of every fact that falls into the split. */
function* factQuestions(world: World, seed: number, split: Split): Generator<Question> {
  const random = new RandomStream(seed, `microworld/questions/facts/${split}`);
  const pairs = world.facts.flatMap((fact) =>
    fact.relation.questions.map((phrasing) => ({ fact, phrasing }))
  );
  for (const { fact, phrasing } of random.shuffle(pairs)) {
    const problem = factProblem(world, fact, phrasing);
    const conclusion = problem.conclusions[0]!;
    const question = toQuestion(random, split, problem, conclusion);
    if (question !== undefined) yield question;
  }
}

/** One problem that takes reasoning: half of them compositions over facts. */
function reasonProblem(random: RandomStream, world: World): Problem {
  if (random.below(2) === 0) {
    const hops = random.below(4) > 0 ? 2 : 3;
    const { given, conclusions } = compositionProblem(random, world, compose(random, world, hops));
    return { given, conclusions };
  }
  const families = [trackingStory, trackingStory, trackingStory, boxStory, boxStory];
  const others = [circleOfPeople, orderOfPeople, countOfThings, orderOfNumbers];
  return random.pick([...families, ...others])(random);
}

function* drawnQuestions(
  kind: QuestionKind,
  draw: (random: RandomStream) => Problem,
  seed: number,
  split: Split,
): Generator<Question> {
  const seen = new Set<string>();
  for (let index = 0; seen.size < QUESTIONS_PER_SPLIT; index++) {
    const random = new RandomStream(seed, `microworld/questions/${kind}`, index);
    const problem = draw(random);
    const question = toQuestion(random, split, problem, random.pick(problem.conclusions));
    if (question === undefined || seen.has(question.question)) continue;
    seen.add(question.question);
    yield question;
  }
}

/**
 * The questions of one set and split, in an order that is the same each time.
 *
 * `reason` and `math` have 1,000 in each split, `facts` about 1,000 in train and 110 in each of the
 * others. No question is in two splits.
 *
 * @throws {UserError} if the seed is not a whole number from 0 on
 */
export function questions(
  kind: QuestionKind,
  split: Split,
  options: MicroworldOptions = {},
): Iterable<Question> {
  const seed = seedOf(options);
  const world = buildWorld(seed);
  const start = () => {
    switch (kind) {
      case "facts":
        return factQuestions(world, seed, split);
      case "reason":
        return drawnQuestions(kind, (random) => reasonProblem(random, world), seed, split);
      case "math":
        return drawnQuestions(kind, arithmeticProblem, seed, split);
    }
  };
  return { [Symbol.iterator]: start };
}

/**
 * The questions of a split that have choices, one of `facts` and one of `reason` in turn as long as
 * there are both, as the documents write them.
 *
 * @throws {UserError} if the seed is not a whole number from 0 on
 */
export function choiceQuestions(
  split: Split,
  options: MicroworldOptions = {},
): Iterable<ChoiceQuestion> {
  const sets = [questions("facts", split, options), questions("reason", split, options)];
  return {
    *[Symbol.iterator]() {
      let open = sets.map((set) => Iterator.from(set));
      while (open.length > 0) {
        const ended = new Set<unknown>();
        for (const set of open) {
          const { value, done } = set.next();
          if (done) ended.add(set);
          else if (value.choices) yield toChoices(value);
        }
        open = open.filter((set) => !ended.has(set));
      }
    },
  };
}

function toChoices(asked: Question): ChoiceQuestion {
  const choices = asked.choices!.map((answer) => transcript({ ...asked, answer }).continuation);
  return {
    prompt: transcript(asked).prompt,
    choices,
    answer: asked.choices!.indexOf(asked.answer),
  };
}
