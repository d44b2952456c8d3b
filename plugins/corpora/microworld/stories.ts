/**
 * Little stories in which people and things move about, and what is true at their end.
 *
 * The teller keeps the true state while the story is drawn, so every conclusion is right by
 * construction; the tests read the finished text and derive the state again.
 */

import type { RandomStream } from "../../../core/tensor/random.ts";
import { choose } from "./choose.ts";
import type { Conclusion, Problem } from "./problem.ts";
import { CHARACTERS, COLOURS, OBJECTS, PLACES } from "./words.ts";
import { type Sentence, sentence, word } from "./writer.ts";

/** "the x" for each of `names`. */
const withThe = (names: readonly string[]) => names.map((name) => `the ${name}`);

const THE_PLACES = withThe(PLACES);
const NAMES: readonly string[] = CHARACTERS.map(({ name }) => name);
const COLOURED_BOXES: readonly string[] = COLOURS.map((colour) => `the ${colour} box`);

const WAS = [
  "{who} was in the {place}.",
  "{who} started in the {place}.",
  "At first {who} was in the {place}.",
];
const LAY = [
  "The {thing} was in the {place}.",
  "There was a {thing} in the {place}.",
  "In the {place} lay a {thing}.",
];
const MOVE = [
  "{who} went to the {place}.",
  "{who} walked to the {place}.",
  "{who} ran to the {place}.",
  "Then {who} went to the {place}.",
  "After that {who} walked to the {place}.",
];
const TAKE = [
  "{who} took the {thing}.",
  "{who} picked up the {thing}.",
  "Then {who} took the {thing}.",
  "{who} found the {thing} there and took it.",
];
const DROP = [
  "{who} put down the {thing}.",
  "{who} left the {thing} there.",
  "Then {who} put down the {thing}.",
];
const GIVE = [
  "{who} gave the {thing} to {other}.",
  "{who} handed the {thing} to {other}.",
  "Then {who} gave the {thing} to {other}.",
];

/** The state of a story while it is told. */
interface Scene {
  readonly people: readonly string[];
  readonly things: readonly string[];
  readonly rooms: readonly string[];
  /** Where each person is, by name. */
  readonly where: Map<string, string>;
  /** Where each person was before. */
  readonly before: Map<string, string>;
  /** Who holds each thing; absent where it lies. */
  readonly holder: Map<string, string>;
  /** Where each thing lies; absent where it is held. */
  readonly lies: Map<string, string>;
}

/** The label of a choice: a choice of one is no choice, but has to be looked up. */
const choiceOf = (options: number) => options === 1 ? "state" : "given";

function nextEvent(random: RandomStream, scene: Scene): Sentence {
  const person = random.pick(scene.people);
  const who = word("given", person);
  const room = scene.where.get(person)!;
  const held = scene.things.filter((thing) => scene.holder.get(thing) === person);
  const near = scene.things.filter((thing) => scene.lies.get(thing) === room);
  const others = scene.people.filter((other) =>
    other !== person && scene.where.get(other) === room
  );

  if (near.length > 0 && random.below(3) > 0) {
    const thing = random.pick(near);
    scene.lies.delete(thing);
    scene.holder.set(thing, person);
    return sentence(random.pick(TAKE), { who, thing: word(choiceOf(near.length), thing) });
  }
  if (held.length > 0 && others.length > 0 && random.below(3) > 0) {
    const thing = random.pick(held);
    const other = random.pick(others);
    scene.holder.set(thing, other);
    return sentence(random.pick(GIVE), {
      who,
      thing: word(choiceOf(held.length), thing),
      other: word(choiceOf(others.length), other),
    });
  }
  if (held.length > 0 && random.below(4) === 0) {
    const thing = random.pick(held);
    scene.holder.delete(thing);
    scene.lies.set(thing, room);
    return sentence(random.pick(DROP), { who, thing: word(choiceOf(held.length), thing) });
  }
  const next = random.pick(scene.rooms.filter((each) => each !== room));
  scene.before.set(person, room);
  scene.where.set(person, next);
  return sentence(random.pick(MOVE), { who, place: word("given", next) });
}

function personConclusions(scene: Scene, person: string): Conclusion[] {
  const conclusions: Conclusion[] = [];
  const who = word("given", person);
  const room = scene.where.get(person)!;
  const place = word("state", room);
  const rooms = withThe(scene.rooms);
  conclusions.push({
    statement: sentence("Now {who} is in the {place}.", { who, place }),
    question: sentence("Where is {who} now?", { who }),
    answer: sentence("the {place}", { place }),
    tempting: rooms,
    pool: THE_PLACES,
  });
  const earlier = scene.before.get(person);
  if (earlier !== undefined) {
    const previous = word("state", earlier);
    conclusions.push({
      statement: sentence("{who} last came to the {place} from the {previous}.", {
        who,
        place,
        previous,
      }),
      question: sentence("From where did {who} last come to the {place}?", { who, place }),
      answer: sentence("the {previous}", { previous }),
      tempting: rooms,
      pool: THE_PLACES,
    });
  }
  const company = scene.people.filter((each) => each !== person && scene.where.get(each) === room);
  if (company.length === 1) {
    const other = word("hop", company[0]!);
    conclusions.push({
      statement: sentence("{who} is in the same place as {other}.", { who, other }),
      question: sentence("Who is in the same place as {who}?", { who }),
      answer: sentence("{other}", { other }),
      tempting: scene.people.filter((each) => each !== person),
      pool: NAMES.filter((each) => each !== person),
    });
  }
  return conclusions;
}

function thingConclusions(scene: Scene, name: string): Conclusion[] {
  const conclusions: Conclusion[] = [];
  const thing = word("given", name);
  const holder = scene.holder.get(name);
  const room = holder === undefined ? scene.lies.get(name)! : scene.where.get(holder)!;
  // What lies somewhere is one look-up; what is carried takes two: who has it, and where they are.
  const place = word(holder === undefined ? "state" : "hop", room);
  conclusions.push({
    statement: sentence("The {thing} is in the {place} now.", { thing, place }),
    question: sentence("Where is the {thing} now?", { thing }),
    answer: sentence("the {place}", { place }),
    tempting: withThe(scene.rooms),
    pool: THE_PLACES,
  });
  if (holder !== undefined) {
    const who = word("state", holder);
    conclusions.push({
      statement: sentence("{who} has the {thing} now.", { who, thing }),
      question: sentence("Who has the {thing} now?", { thing }),
      answer: sentence("{who}", { who }),
      tempting: scene.people,
      pool: NAMES,
    });
  }
  return conclusions;
}

/** People walk between rooms, take things, put them down and hand them over. */
export function trackingStory(random: RandomStream): Problem {
  const people = choose(random, NAMES, 2 + random.below(2));
  const things = choose(random, OBJECTS, 1 + random.below(3));
  const rooms = choose(random, PLACES, 3 + random.below(2));
  const scene: Scene = {
    people,
    things,
    rooms,
    where: new Map(),
    before: new Map(),
    holder: new Map(),
    lies: new Map(),
  };
  const opening: Sentence[] = [];
  for (const person of people) {
    const room = random.pick(rooms);
    scene.where.set(person, room);
    const slots = { who: word("given", person), place: word("given", room) };
    opening.push(sentence(random.pick(WAS), slots));
  }
  for (const thing of things) {
    const room = random.pick(rooms);
    scene.lies.set(thing, room);
    const slots = { thing: word("given", thing), place: word("given", room) };
    opening.push(sentence(random.pick(LAY), slots));
  }
  random.shuffle(opening);
  const events = Array.from({ length: 4 + random.below(5) }, () => nextEvent(random, scene));
  return {
    given: [...opening, ...events],
    conclusions: [
      ...people.flatMap((person) => personConclusions(scene, person)),
      ...things.flatMap((thing) => thingConclusions(scene, thing)),
    ],
  };
}

const BOX_STANDS = [
  "The {colour} box is in the {place}.",
  "In the {place} stands the {colour} box.",
];
const THING_IN = ["The {thing} is in the {colour} box.", "In the {colour} box is the {thing}."];
const THING_MOVED = [
  "{who} moves the {thing} to the {colour} box.",
  "{who} takes the {thing} out and puts it into the {colour} box.",
];
const BOX_MOVED = ["{who} carries the {colour} box to the {place}."];

/** Things in boxes in rooms: where a thing is takes two look-ups. */
export function boxStory(random: RandomStream): Problem {
  const colours = choose(random, COLOURS, 3);
  const things = choose(random, OBJECTS, 2 + random.below(2));
  const rooms = choose(random, PLACES, 4);
  const roomOf = new Map<string, string>();
  const boxOf = new Map<string, string>();
  const opening: Sentence[] = [];
  colours.forEach((colour, index) => {
    roomOf.set(colour, rooms[index]!);
    const slots = { colour: word("given", colour), place: word("given", rooms[index]!) };
    opening.push(sentence(random.pick(BOX_STANDS), slots));
  });
  for (const thing of things) {
    const colour = random.pick(colours);
    boxOf.set(thing, colour);
    const slots = { thing: word("given", thing), colour: word("given", colour) };
    opening.push(sentence(random.pick(THING_IN), slots));
  }
  random.shuffle(opening);
  const events = Array.from({ length: 1 + random.below(4) }, () => {
    const who = word("given", random.pick(NAMES));
    if (random.below(3) === 0) {
      const colour = random.pick(colours);
      const place = random.pick(rooms.filter((room) => room !== roomOf.get(colour)));
      roomOf.set(colour, place);
      const slots = { who, colour: word("given", colour), place: word("given", place) };
      return sentence(random.pick(BOX_MOVED), slots);
    }
    const thing = random.pick(things);
    const colour = random.pick(colours.filter((each) => each !== boxOf.get(thing)));
    boxOf.set(thing, colour);
    const slots = { who, thing: word("given", thing), colour: word("given", colour) };
    return sentence(random.pick(THING_MOVED), slots);
  });
  const conclusions = things.flatMap((name): Conclusion[] => {
    const thing = word("given", name);
    const box = boxOf.get(name)!;
    const room = roomOf.get(box)!;
    const colour = word("state", box);
    const place = word("hop", room);
    return [{
      statement: sentence("So the {thing} is in the {place}.", { thing, place }),
      question: sentence("In which place is the {thing}?", { thing }),
      answer: sentence("the {place}", { place }),
      tempting: withThe(rooms),
      pool: THE_PLACES,
    }, {
      statement: sentence("The {thing} is now in the {colour} box.", { thing, colour }),
      question: sentence("In which box is the {thing}?", { thing }),
      answer: sentence("the {colour} box", { colour }),
      tempting: colours.map((each) => `the ${each} box`),
      pool: COLOURED_BOXES,
    }];
  });
  return { given: [...opening, ...events], conclusions };
}
