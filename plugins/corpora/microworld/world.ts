/**
 * The fixed world: who lives where, which land a town lies in, what an animal eats.
 *
 * A few hundred facts, drawn once from the seed and true in every document. A model has to store
 * them; nothing in a document gives them away.
 */

import { RandomStream } from "../../../core/tensor/random.ts";
import { type Domain, type Relation, RELATIONS } from "./relations.ts";
import {
  ANIMAL_KINDS,
  BUILDINGS,
  COLOURS,
  CRAFTS,
  FOODS,
  GOODS,
  HABITATS,
  LANDS,
  RIVERS,
  SEASONS,
  TOWNS,
  WORLD_ANIMALS,
  WORLD_MEN,
  WORLD_WOMEN,
} from "./words.ts";

/** Something that facts are about. */
export interface Entity {
  readonly domain: Domain;
  readonly name: string;
  /** How it is called inside a sentence: "Velka", "a molvek". */
  readonly phrase: string;
  readonly pronoun: "He" | "She" | "It";
  /** What is true of it, by the name of the relation. */
  readonly values: ReadonlyMap<string, Value>;
}

/** The value of a fact; with the entity, where it is one. */
export interface Value {
  readonly text: string;
  readonly entity?: Entity;
}

/** One thing that is true of the world. */
export interface Fact {
  readonly subject: Entity;
  readonly relation: Relation;
  readonly value: Value;
}

/** All entities and all facts. */
export interface World {
  readonly entities: Readonly<Record<Domain, readonly Entity[]>>;
  readonly facts: readonly Fact[];
  /** The facts about each entity. */
  readonly about: ReadonlyMap<Entity, readonly Fact[]>;
  /** Every value that a relation takes, once, by the relation's name. */
  readonly answers: ReadonlyMap<string, readonly string[]>;
}

/** An entity whose facts are still being drawn. */
interface Draft extends Entity {
  readonly values: Map<string, Value>;
}

function draft(domain: Domain, name: string, pronoun: Entity["pronoun"] = "It"): Draft {
  const common = domain === "animal" || domain === "craft";
  return { domain, name, phrase: common ? `a ${name}` : name, pronoun, values: new Map() };
}

const link = (entity: Entity): Value => ({ text: entity.name, entity });
const plain = (text: string): Value => ({ text });

/** `count` values in random order, each of `choices` about equally often. */
function deal(random: RandomStream, choices: readonly string[], count: number): string[] {
  const hand = Array.from({ length: count }, (_, index) => choices[index % choices.length]!);
  return random.shuffle(hand);
}

function drawLands(random: RandomStream, lands: readonly Draft[], towns: readonly Draft[]): void {
  const rivers = random.shuffle([...RIVERS]);
  const flags = random.shuffle([...COLOURS]);
  const goods = deal(random, GOODS, towns.length);
  const buildings = deal(random, BUILDINGS, towns.length);
  const fairs = deal(random, SEASONS, towns.length);
  const order = random.shuffle([...towns]);
  order.forEach((town, index) => {
    const land = lands[index % lands.length]!;
    town.values.set("land", link(land));
    town.values.set("goods", plain(goods[index]!));
    town.values.set("building", plain(buildings[index]!));
    town.values.set("fair", plain(fairs[index]!));
    // The first round of towns gives each land its capital.
    if (index < lands.length) land.values.set("capital", link(town));
  });
  lands.forEach((land, index) => {
    land.values.set("river", plain(rivers[index]!));
    land.values.set("flag", plain(flags[index]!));
  });
}

function drawAnimals(random: RandomStream, animals: readonly Draft[]): void {
  const kinds = deal(random, ANIMAL_KINDS, animals.length);
  const colours = deal(random, COLOURS, animals.length);
  const habitats = deal(random, HABITATS, animals.length);
  const foods = deal(random, FOODS, animals.length);
  animals.forEach((animal, index) => {
    animal.values.set("kind", plain(kinds[index]!));
    animal.values.set("colour", plain(colours[index]!));
    animal.values.set("habitat", plain(habitats[index]!));
    animal.values.set("food", plain(foods[index]!));
  });
}

/** People in three generations of a dozen; mothers and teachers are one generation older. */
function drawPeople(
  random: RandomStream,
  people: readonly Draft[],
  others: Readonly<Record<"town" | "animal" | "craft", readonly Draft[]>>,
): void {
  const order = random.shuffle([...people]);
  const generation = Math.ceil(order.length / 3);
  const towns = random.shuffle(order.map((_, index) => others.town[index % others.town.length]!));
  const pets = random.shuffle(
    order.map((_, index) => others.animal[index % others.animal.length]!),
  );
  const crafts = random.shuffle(
    order.map((_, index) => others.craft[index % others.craft.length]!),
  );
  // Nobody shares a year of birth, so "who is older" always has an answer; mothers are 17 and more.
  const years = order.map((_, index) => {
    const born = Math.floor(index / generation);
    return 310 + 40 * born + 2 * (index % generation) + random.below(2);
  });
  const friends = random.shuffle([...order]);
  order.forEach((person, index) => {
    person.values.set("craft", link(crafts[index]!));
    person.values.set("town", link(towns[index]!));
    person.values.set("pet", link(pets[index]!));
    person.values.set("born", plain(String(years[index])));
    const place = friends.indexOf(person);
    person.values.set("friend", link(friends[place ^ 1]!));
    const born = Math.floor(index / generation);
    if (born === 0) return;
    const elders = order.slice((born - 1) * generation, born * generation);
    const mothers = elders.filter((elder) => elder.pronoun === "She");
    if (mothers.length > 0) person.values.set("mother", link(random.pick(mothers)));
    person.values.set("teacher", link(random.pick(elders)));
  });
}

/** The world of a seed. */
export function buildWorld(seed: number): World {
  const random = new RandomStream(seed, "microworld/world");
  const drafts: Readonly<Record<Domain, readonly Draft[]>> = {
    person: [
      ...WORLD_WOMEN.map((name) => draft("person", name, "She")),
      ...WORLD_MEN.map((name) => draft("person", name, "He")),
    ],
    town: TOWNS.map((name) => draft("town", name)),
    land: LANDS.map((name) => draft("land", name)),
    animal: WORLD_ANIMALS.map((name) => draft("animal", name)),
    craft: CRAFTS.map(({ name, material, tool, makes }) => {
      const craft = draft("craft", name);
      craft.values.set("material", plain(material));
      craft.values.set("tool", plain(tool));
      craft.values.set("makes", plain(makes));
      return craft;
    }),
  };
  drawLands(random, drafts.land, drafts.town);
  drawAnimals(random, drafts.animal);
  drawPeople(random, drafts.person, drafts);

  const facts: Fact[] = [];
  const answers = new Map<string, readonly string[]>();
  for (const relation of RELATIONS) {
    for (const subject of drafts[relation.of]) {
      const value = subject.values.get(relation.name);
      if (value !== undefined) facts.push({ subject, relation, value });
    }
    const values = facts.filter((fact) => fact.relation === relation).map((fact) =>
      fact.value.text
    );
    answers.set(relation.name, [...new Set(values)]);
  }
  return { entities: drafts, facts, about: Map.groupBy(facts, (fact) => fact.subject), answers };
}
