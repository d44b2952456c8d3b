/**
 * Relations that hold inside one text: who is whose teacher, who is taller, how many things there
 * are, how numbers are ordered.
 */

import type { RandomStream } from "../../../core/tensor/random.ts";
import { choose } from "./choose.ts";
import type { Conclusion, Problem } from "./problem.ts";
import { CHARACTERS, COLOURS, NUMBER_WORDS, OBJECTS, PETS, QUALITIES, ROLES } from "./words.ts";
import { type Sentence, sentence, word } from "./writer.ts";

const NAMES: readonly string[] = CHARACTERS.map(({ name }) => name);

/** What people in a circle have, each their own. */
const POSSESSIONS: readonly {
  readonly values: readonly string[];
  readonly statement: string;
  readonly question: string;
}[] = [
  { values: PETS, statement: "{who} has a {value}.", question: "Which animal does {who} have?" },
  {
    values: COLOURS,
    statement: "{who} wears a {value} coat.",
    question: "What colour is the coat that {who} wears?",
  },
  { values: OBJECTS, statement: "{who} has a {value}.", question: "Which thing does {who} have?" },
];

/** Some people, whose what they are, and what each of them has. */
export function circleOfPeople(random: RandomStream): Problem {
  const people = choose(random, NAMES, 4);
  const { values, statement, question } = random.pick(POSSESSIONS);
  const has = new Map<string, string>();
  choose(random, values, people.length).forEach((value, index) => has.set(people[index]!, value));
  const roles = choose(random, ROLES, 3);
  const given: Sentence[] = [];
  const conclusions: Conclusion[] = [];
  for (const [person, value] of has) {
    given.push(sentence(statement, { who: word("given", person), value: word("given", value) }));
  }
  // "The cousin of Ann is Ben." Each role joins a person to the next one in the list.
  const links = roles.map((role, index) => ({
    role,
    of: people[index]!,
    is: people[index + 1]!,
  }));
  for (const { role, of, is } of links) {
    given.push(sentence("The {role} of {of} is {is}.", {
      role: word("given", role),
      of: word("given", of),
      is: word("given", is),
    }));
  }
  random.shuffle(given);
  links.forEach(({ role, of }, index) => {
    const target = people[index + 1]!;
    // Half of the time the path goes through two roles: "the boss of the cousin of Ann".
    const before = index > 0 && random.below(2) === 0 ? links[index - 1] : undefined;
    const phrase = before === undefined
      ? `the ${role} of ${of}`
      : `the ${role} of the ${before.role} of ${before.of}`;
    const who = word("given", phrase);
    const answer = has.get(target)!;
    const value = word("hop", answer);
    conclusions.push({
      statement: sentence(statement, { who, value }),
      question: sentence(question, { who }),
      answer: sentence("{value}", { value }),
      tempting: [...has.values()],
      pool: values,
    });
  });
  return { given, conclusions };
}

/** People in an order that is told pair by pair. */
export function orderOfPeople(random: RandomStream): Problem {
  const people = choose(random, NAMES, 3 + random.below(3));
  const quality = random.pick(QUALITIES);
  const given = people.slice(1).map((lower, index) => {
    const upper = people[index]!;
    const flipped = random.below(2) === 0;
    return sentence("{first} is {compared} than {second}.", {
      first: word("given", flipped ? lower : upper),
      compared: word("given", flipped ? quality.less : quality.more),
      second: word("given", flipped ? upper : lower),
    });
  });
  random.shuffle(given);

  const conclusions: Conclusion[] = [];
  const first = people[0]!;
  const last = people.at(-1)!;
  for (const [end, name] of [[quality.most, first], [quality.least, last]] as const) {
    const who = word("order", name);
    conclusions.push({
      statement: sentence(`The ${end} is {who}.`, { who }),
      question: sentence(`Who is the ${end}?`),
      answer: sentence("{who}", { who }),
      tempting: people,
      pool: NAMES,
    });
  }
  // A pair that is not told: two apart at least.
  const from = random.below(people.length - 2);
  const to = from + 2 + random.below(people.length - from - 2);
  const flipped = random.below(2) === 0;
  const one = word("given", people[flipped ? to : from]!);
  const two = word("given", people[flipped ? from : to]!);
  const compared = word("order", flipped ? quality.less : quality.more);
  const opposite = flipped ? quality.more : quality.less;
  conclusions.push({
    statement: sentence("{one} is {compared} than {two}.", { one, two, compared }),
    question: sentence(`Is {one} ${quality.more} or ${quality.less} than {two}?`, { one, two }),
    answer: sentence("{compared}", { compared }),
    pool: [opposite],
  });
  return { given, conclusions };
}

/** A list of different things, and how many they are. */
export function countOfThings(random: RandomStream): Problem {
  const owner = word("given", random.pick(NAMES));
  const things = choose(random, OBJECTS, 3 + random.below(4));
  const slots: Record<string, ReturnType<typeof word>> = { owner };
  things.forEach((thing, index) => slots[`thing${index}`] = word("given", thing));
  const list = things.map((_, index) => `a {thing${index}}`);
  const joined = `${list.slice(0, -1).join(", ")} and ${list.at(-1)}`;
  const given = [sentence(`{owner} has ${joined}.`, slots)];

  const lost = random.below(2) === 0 ? random.pick(things) : undefined;
  if (lost !== undefined) {
    given.push(sentence("{owner} gives away the {lost}.", { owner, lost: word("given", lost) }));
  }
  const left = things.length - (lost === undefined ? 0 : 1);
  const count = word("order", NUMBER_WORDS[left]!);
  return {
    given,
    conclusions: [{
      statement: sentence("So {owner} has {count} things.", { owner, count }),
      question: sentence("How many things does {owner} have?", { owner }),
      answer: sentence("{count}", { count }),
      pool: [left + 1, left - 1, left - 2, left + 2]
        .flatMap((number) => NUMBER_WORDS[number] ?? []),
    }],
  };
}

/** Numbers in some order, sorted, and which is the largest. */
export function orderOfNumbers(random: RandomStream): Problem {
  const numbers = new Set<number>();
  const size = 3 + random.below(3);
  while (numbers.size < size) numbers.add(1 + random.below(99));
  const shown = [...numbers];
  const sorted = [...shown].sort((a, b) => a - b);
  const list = (values: readonly number[], kind: "given" | "order") => {
    const slots: Record<string, ReturnType<typeof word>> = {};
    values.forEach((value, index) => slots[`n${index}`] = word(kind, value));
    return { template: values.map((_, index) => `{n${index}}`).join(", "), slots };
  };
  const before = list(shown, "given");
  const after = list(sorted, "order");
  const given = [sentence(`The numbers are ${before.template}.`, before.slots)];
  const picks = [
    ["largest", sorted.at(-1)!],
    ["smallest", sorted[0]!],
    ["second smallest", sorted[1]!],
  ] as const;
  const conclusions = picks.map(([name, value]): Conclusion => {
    const number = word("order", value);
    return {
      statement: sentence(`The ${name} is {number}.`, { number }),
      question: sentence(`Which number is the ${name}?`),
      answer: sentence("{number}", { number }),
      pool: shown.map(String),
    };
  });
  conclusions.push({
    statement: sentence(`From small to large: ${after.template}.`, after.slots),
    question: sentence("Which order is from small to large?"),
    answer: sentence(after.template, after.slots),
    pool: [
      [...sorted].reverse().join(", "),
      [sorted[1]!, sorted[0]!, ...sorted.slice(2)].join(", "),
      [...sorted.slice(0, -2), sorted.at(-1)!, sorted.at(-2)!].join(", "),
    ],
  });
  return { given, conclusions };
}
