/**
 * Composed facts: "the mother of Doran lives in Torrin".
 *
 * A composition is a path of links from an entity and a relation at its end. A tenth of the
 * compositions is reserved for the questions of validation and a tenth for those of test: the model
 * has seen both facts, but never this path over them.
 */

import type { RandomStream } from "../../../core/tensor/random.ts";
import { stateFact } from "./facts.ts";
import { answer, ask, type Conclusion, type Problem } from "./problem.ts";
import { type Relation, RELATIONS } from "./relations.ts";
import { splitOfClaim } from "./splits.ts";
import type { Entity, Fact, Value, World } from "./world.ts";
import { sentence, word, type Writer } from "./writer.ts";

/** A path over the facts of the world. */
export interface Composition {
  readonly start: Entity;
  /** One or two links; each leads from one entity to the next. */
  readonly links: readonly Fact[];
  /** What is said of the last entity. */
  readonly end: Fact;
  /** What documents may or may not say (see splits.ts). */
  readonly claim: string;
}

const BY_DOMAIN = Map.groupBy(RELATIONS, (relation) => relation.of);

/** The facts that could come next on a path, without going back to where it has been. */
function nextFacts(
  subject: Entity,
  been: readonly Entity[],
  fits: (relation: Relation) => boolean,
): Fact[] {
  return BY_DOMAIN.get(subject.domain)!.flatMap((relation) => {
    const value: Value | undefined = subject.values.get(relation.name);
    if (value === undefined || !fits(relation)) return [];
    if (value.entity !== undefined && been.includes(value.entity)) return [];
    return [{ subject, relation, value }];
  });
}

/** A random path with `hops - 1` links. */
export function compose(random: RandomStream, world: World, hops: number): Composition {
  for (;;) {
    const pool = random.below(4) > 0 ? world.entities.person : world.entities.town;
    const start = random.pick(pool);
    const been = [start];
    const links: Fact[] = [];
    let at = start;
    while (links.length < hops - 1) {
      // "Doran" stands for his craft only as the subject of the last fact.
      const last = links.length === hops - 2;
      const open = nextFacts(
        at,
        been,
        (each) => each.to !== undefined && (last || each.to !== "craft"),
      );
      if (open.length === 0) break;
      const link = random.pick(open);
      links.push(link);
      at = link.value.entity!;
      been.push(at);
    }
    const ends = nextFacts(at, been, () => true);
    if (links.length < hops - 1 || ends.length === 0) continue;
    const end = random.pick(ends);
    const path = [...links, end].map((fact) => fact.relation.name).join(" > ");
    return { start, links, end, claim: `${start.name} > ${path}` };
  }
}

/** Names the last entity of a path through its first: "the home town of the mother of Doran". */
function phraseOf({ start, links }: Composition): string {
  let phrase = start.phrase;
  for (const link of links) phrase = link.relation.phrase!.replace("{name}", phrase);
  return phrase;
}

/** "The best friend of Doran's mother" could mean two people, so phrases take no possessive. */
const withoutPossessive = (template: string) => !template.includes("'s}") && !/\}'s/.test(template);

/** A composition as a problem: the links are its steps, the composed fact follows. */
export function compositionProblem(
  random: RandomStream,
  world: World,
  composition: Composition,
): Problem {
  const { end, links, claim } = composition;
  const phrase = word("given", phraseOf(composition));
  const value = word("hop", end.value.text);
  const names = { subject: phrase, name: phrase, value };
  const tempting = [composition.start, ...links.map((link) => link.subject)]
    .flatMap((entity) => entity.values.get(end.relation.name)?.text ?? []);
  const conclusion: Conclusion = {
    statement: sentence(random.pick(end.relation.statements.filter(withoutPossessive)), names),
    question: sentence(random.pick(end.relation.questions.filter(withoutPossessive)), names),
    answer: sentence("{value}", { value }),
    tempting,
    pool: world.answers.get(end.relation.name)!,
    claim,
  };
  const steps = [...links, end].map((fact) => stateFact(random, fact));
  return { given: [], steps, conclusions: [conclusion] };
}

/** A composition that documents may say. */
function openComposition(random: RandomStream, world: World): Composition {
  for (;;) {
    const composition = compose(random, world, random.below(4) > 0 ? 2 : 3);
    if (splitOfClaim(composition.claim) === "train") return composition;
  }
}

/** Composed facts, each bare or after its steps. */
export function writeCompositions(writer: Writer, random: RandomStream, world: World): void {
  const count = 5 + random.below(4);
  for (let i = 0; i < count; i++) {
    const composition = openComposition(random, world);
    const problem = compositionProblem(random, world, composition);
    const worked = random.below(2) === 0;
    if (worked) { for (const step of problem.steps!) writer.say(step); }
    const { template, slots } = problem.conclusions[0]!.statement;
    // After its steps the last value is a look-up in the text.
    const value = word(worked ? "state" : "hop", composition.end.value.text);
    writer.claim(composition.claim);
    if (!worked) writer.say(sentence(template, { ...slots, value }));
    else {
      writer.continue(sentence("So"));
      writer.continue(sentence(lowerFirst(template), { ...slots, value }));
      i++;
    }
  }
}

const lowerFirst = (template: string) => template.charAt(0).toLowerCase() + template.slice(1);

/** Questions about composed facts, answered at once. */
export function writeCompositionQuestions(
  writer: Writer,
  random: RandomStream,
  world: World,
): void {
  const count = 3 + random.below(3);
  for (let i = 0; i < count; i++) {
    const { given, conclusions } = compositionProblem(
      random,
      world,
      openComposition(random, world),
    );
    if (i > 0) writer.newline();
    ask(writer, { given, conclusions }, conclusions[0]!);
    answer(writer, { given, conclusions }, conclusions[0]!);
  }
}
