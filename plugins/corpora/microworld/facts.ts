/**
 * Documents about the fixed world: entries, lists of facts, questions about facts, comparisons.
 */

import type { RandomStream } from "../../../core/tensor/random.ts";
import { choose } from "./choose.ts";
import { answer, ask, type Conclusion, type Problem } from "./problem.ts";
import type { Domain } from "./relations.ts";
import { splitOfClaim } from "./splits.ts";
import type { Entity, Fact, World } from "./world.ts";
import { type Sentence, sentence, word, type Writer } from "./writer.ts";

/** How a sentence speaks of its subject: for the first time, again by name, or by a pronoun. */
type Mention = "first" | "again" | "pronoun";

const POSSESSIVES = { He: "His", She: "Her", It: "Its" } as const;

/** The slots that name the subject; a pronoun may stand for it where it opens the sentence. */
function subjectSlots(subject: Entity, mention: Mention): Sentence["slots"] {
  const name = word(mention === "first" ? "given" : "state", subject.phrase);
  if (mention === "pronoun") {
    const possessive = word("plain", POSSESSIVES[subject.pronoun]);
    return { subject: word("plain", subject.pronoun), "subject's": possessive, name };
  }
  return { subject: name, "subject's": word(name.kind, `${subject.phrase}'s`), name };
}

/** A fact in one of its phrasings. */
export function stateFact(random: RandomStream, fact: Fact, mention: Mention = "first"): Sentence {
  const template = random.pick(fact.relation.statements);
  const slots = subjectSlots(fact.subject, mention);
  return sentence(template, { ...slots, value: word("fact", fact.value.text) });
}

/** A fact as a question in a given phrasing. */
export function factProblem(world: World, fact: Fact, phrasing: string): Problem {
  const slots = subjectSlots(fact.subject, "first");
  const conclusion: Conclusion = {
    statement: sentence(fact.relation.statements[0]!, {
      ...slots,
      value: word("fact", fact.value.text),
    }),
    question: sentence(phrasing, slots),
    answer: sentence("{value}", { value: word("fact", fact.value.text) }),
    pool: world.answers.get(fact.relation.name)!,
  };
  return { given: [], conclusions: [conclusion] };
}

/** All facts about one entity in random order; after the first sentence mostly with pronouns. */
function writeEntry(writer: Writer, random: RandomStream, world: World, subject: Entity): void {
  // A potter is neither "he" nor "it".
  const pronouns = subject.domain !== "craft";
  random.shuffle([...world.about.get(subject)!]).forEach((fact, index) => {
    const mention = index === 0 ? "first" : pronouns && random.below(4) > 0 ? "pronoun" : "again";
    writer.say(stateFact(random, fact, mention));
  });
}

/** Sorts of entries; the larger sorts come up more often. */
const ENTRY_DOMAINS: readonly Domain[] = [
  "person",
  "person",
  "person",
  "town",
  "town",
  "land",
  "animal",
  "animal",
  "craft",
];

/** Entries of one or two people, or of two or three smaller subjects. */
export function writeEntries(writer: Writer, random: RandomStream, world: World): void {
  const domain = random.pick(ENTRY_DOMAINS);
  const count = domain === "person" ? 1 + random.below(2) : 2 + random.below(2);
  choose(random, world.entities[domain], count).forEach((subject, index) => {
    if (index > 0) writer.newline();
    writeEntry(writer, random, world, subject);
  });
}

/** A few unrelated facts. */
export function writeFactList(writer: Writer, random: RandomStream, world: World): void {
  const count = 8 + random.below(5);
  for (let i = 0; i < count; i++) writer.say(stateFact(random, random.pick(world.facts)));
}

/** A few questions about facts; none that a question set reserves. */
export function writeFactQuestions(writer: Writer, random: RandomStream, world: World): void {
  let asked = 4 + random.below(4);
  while (asked > 0) {
    const fact = random.pick(world.facts);
    const problem = factProblem(world, fact, random.pick(fact.relation.questions));
    const claim = problem.conclusions[0]!.question;
    const text = claim.template.replace("{name}", fact.subject.phrase);
    if (splitOfClaim(text) !== "train") continue;
    if (writer.text !== "") writer.newline();
    ask(writer, problem, problem.conclusions[0]!);
    answer(writer, problem, problem.conclusions[0]!);
    asked--;
  }
}

/** Years of birth and who is older; now and then without the years. */
export function writeAges(writer: Writer, random: RandomStream, world: World): void {
  const pairs = 3 + random.below(2);
  for (let i = 0; i < pairs; i++) {
    const [first, second] = choose(random, world.entities.person, 2) as [Entity, Entity];
    const years = [first, second].map((person) => Number(person.values.get("born")!.text));
    if (random.below(3) > 0) {
      for (const subject of [first, second]) {
        const fact = world.about.get(subject)!.find(({ relation }) => relation.name === "born")!;
        writer.say(stateFact(random, fact));
      }
    }
    const older = years[0]! < years[1]!;
    writer.say(
      sentence("{first} is {compared} than {second}.", {
        first: word("given", first.name),
        second: word("given", second.name),
        compared: word("order", older ? "older" : "younger"),
      }),
    );
  }
}
