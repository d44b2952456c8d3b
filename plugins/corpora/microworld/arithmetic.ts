/**
 * Word problems and bare sums with worked steps: "14 + 8 = 22."
 *
 * Numbers stay below 200 and every count is at least two, so that plurals are right. In a step the
 * operands are looked up in the text (`state`) and the result is computed (`arithmetic`).
 */

import type { RandomStream } from "../../../core/tensor/random.ts";
import { choose } from "./choose.ts";
import type { Conclusion, Problem } from "./problem.ts";
import { CHARACTERS, COUNTABLES, HOLDERS } from "./words.ts";
import { type Sentence, sentence, type Word, word } from "./writer.ts";

type Operator = "+" | "-" | "*" | "/";

/** The result of one operation; divisions come out whole by construction. */
function compute(left: number, operator: Operator, right: number): number {
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
  }
}

/** "14 + 8 = 22." */
function step(left: number, operator: Operator, right: number): Sentence {
  return sentence(`{left} ${operator} {right} = {result}.`, {
    left: word("state", left),
    right: word("state", right),
    result: word("arithmetic", compute(left, operator, right)),
  });
}

/** A whole number in [low, high]. */
const between = (random: RandomStream, low: number, high: number) =>
  low + random.below(high - low + 1);

/** What follows from a sum is copied from its last step. */
function result(statement: string, question: string, slots: Sentence["slots"], value: number) {
  const number = word("state", value);
  const conclusion: Conclusion = {
    statement: sentence(statement, { ...slots, number }),
    question: sentence(question, slots),
    answer: sentence("{number}", { number }),
  };
  return conclusion;
}

const START = ["{who} has {n} {things}.", "At first {who} has {n} {things}."];
const GAIN = [
  "{he} buys {n} more.",
  "{he} finds {n} more.",
  "{other} gives {who} {n} more.",
  "Then {who} gets {n} more.",
];
const LOSS = [
  "{he} gives {n} to {other}.",
  "{he} loses {n}.",
  "{he} sells {n}.",
  "Then {other} takes {n}.",
];

/** Things come and go. */
function runningTotal(random: RandomStream): Problem {
  const [person, friend] = choose(random, CHARACTERS, 2) as [
    typeof CHARACTERS[number],
    typeof CHARACTERS[number],
  ];
  const slots = {
    who: word("given", person.name),
    he: word("plain", person.pronoun),
    other: word("given", friend.name),
    things: word("given", random.pick(COUNTABLES)),
  };
  let total = between(random, 5, 60);
  const given = [sentence(random.pick(START), { ...slots, n: word("given", total) })];
  const steps: Sentence[] = [];
  const told = [...given];
  const changes = 1 + random.below(3);
  for (let i = 0; i < changes; i++) {
    const loses = total > 4 && random.below(2) === 0;
    const n = loses ? between(random, 2, total - 2) : between(random, 2, 40);
    const event = sentence(random.pick(loses ? LOSS : GAIN), { ...slots, n: word("given", n) });
    const sum = step(total, loses ? "-" : "+", n);
    total = loses ? total - n : total + n;
    given.push(event);
    steps.push(sum);
    told.push(event, sum);
  }
  return {
    given,
    steps,
    told,
    conclusions: [result(
      "Now {who} has {number} {things}.",
      "How many {things} does {who} have now?",
      slots,
      total,
    )],
  };
}

/** So many in each of so many, then some more or fewer. */
function groups(random: RandomStream): Problem {
  const count = between(random, 2, 12);
  const each = between(random, 2, 12);
  const product = count * each;
  const slots = {
    who: word("given", random.pick(CHARACTERS).name),
    count: word("given", count),
    each: word("given", each),
    holders: word("given", random.pick(HOLDERS)),
    things: word("given", random.pick(COUNTABLES)),
  };
  const given = [sentence("{who} has {count} {holders} with {each} {things} in each.", slots)];
  const steps = [step(count, "*", each)];
  const told = [...given, ...steps];
  let total = product;
  if (random.below(2) === 0) {
    const more = product < 4 || random.below(2) === 0;
    const n = more ? between(random, 2, 30) : between(random, 2, product - 2);
    const template = more ? "There are {n} more on the floor." : "{who} gives away {n} of them.";
    const event = sentence(template, { ...slots, n: word("given", n) });
    const sum = step(product, more ? "+" : "-", n);
    given.push(event);
    steps.push(sum);
    told.push(event, sum);
    total = more ? product + n : product - n;
  }
  return {
    given,
    steps,
    told,
    conclusions: [result(
      "So there are {number} {things}.",
      "How many {things} are there?",
      slots,
      total,
    )],
  };
}

/** Two people's things: how many together, or how many more. */
function twoPeople(random: RandomStream): Problem {
  const [first, second] = choose(random, CHARACTERS, 2).map(({ name }) => name) as [string, string];
  const smaller = between(random, 2, 45);
  const more = between(random, 2, 40);
  const slots: Record<string, Word> = {
    first: word("given", first),
    second: word("given", second),
    smaller: word("given", smaller),
    more: word("given", more),
    larger: word("given", smaller + more),
    things: word("given", random.pick(COUNTABLES)),
  };
  const opening = sentence("{first} has {smaller} {things}.", slots);
  if (random.below(2) === 0) {
    const given = [opening, sentence("{second} has {larger} {things}.", slots)];
    const steps = [step(smaller + more, "-", smaller)];
    const statement = "So {second} has {number} {things} more than {first}.";
    const question = "How many more {things} than {first} does {second} have?";
    return { given, steps, conclusions: [result(statement, question, slots, more)] };
  }
  const given = [opening, sentence("{second} has {more} more than {first}.", slots)];
  const steps = [step(smaller, "+", more), step(smaller, "+", smaller + more)];
  const statement = "Together {first} and {second} have {number} {things}.";
  const question = "How many {things} do {first} and {second} have together?";
  return { given, steps, conclusions: [result(statement, question, slots, 2 * smaller + more)] };
}

/** Things shared evenly. */
function sharing(random: RandomStream): Problem {
  const children = between(random, 2, 10);
  const share = between(random, 2, 12);
  const slots = {
    who: word("given", random.pick(CHARACTERS).name),
    n: word("given", children * share),
    children: word("given", children),
    things: word("given", random.pick(COUNTABLES)),
  };
  const given = [
    sentence("{who} shares {n} {things} among {children} children.", slots),
    sentence("Each child gets the same."),
  ];
  const steps = [step(children * share, "/", children)];
  const statement = "Each child gets {number} {things}.";
  const question = "How many {things} does each child get?";
  return { given, steps, conclusions: [result(statement, question, slots, share)] };
}

/** Buying several of one thing and getting change. */
function shopping(random: RandomStream): Problem {
  const price = between(random, 2, 9);
  const count = between(random, 2, 9);
  const change = between(random, 2, 20);
  const cost = price * count;
  const person = random.pick(CHARACTERS);
  const slots = {
    who: word("given", person.name),
    he: word("plain", person.pronoun),
    things: word("given", random.pick(COUNTABLES.filter((things) => things !== "coins"))),
    price: word("given", price),
    count: word("given", count),
    paid: word("given", cost + change),
  };
  const buys = [
    sentence("In the shop {things} cost {price} coins each.", slots),
    sentence("{who} buys {count} {things}.", slots),
  ];
  const pays = sentence("{he} pays with {paid} coins.", slots);
  const product = step(price, "*", count);
  const difference = step(cost + change, "-", cost);
  const statement = "{who} gets {number} coins back.";
  const question = "How many coins does {who} get back?";
  return {
    given: [...buys, pays],
    steps: [product, difference],
    told: [...buys, product, pays, difference],
    conclusions: [result(statement, question, slots, change)],
  };
}

/** A bare chain of additions and subtractions, from left to right. */
function chain(random: RandomStream): Problem {
  let total = between(random, 2, 60);
  const slots: Record<string, Word> = { n0: word("given", total) };
  let template = "{n0}";
  const steps: Sentence[] = [];
  const length = 2 + random.below(2);
  for (let i = 1; i <= length; i++) {
    const minus = total > 4 && random.below(2) === 0;
    const n = minus ? between(random, 2, total - 2) : between(random, 2, 40);
    steps.push(step(total, minus ? "-" : "+", n));
    total = minus ? total - n : total + n;
    template += ` ${minus ? "-" : "+"} {n${i}}`;
    slots[`n${i}`] = word("given", n);
  }
  return {
    given: [sentence(`Work out ${template}.`, slots)],
    steps,
    conclusions: [result("The result is {number}.", "What is the result?", {}, total)],
  };
}

/** Counting on by a fixed number. */
export function countingOn(random: RandomStream): Problem {
  const by = between(random, 2, 12);
  const from = between(random, 0, 30);
  const length = 5 + random.below(5);
  const slots: Record<string, Word> = { by: word("given", by), from: word("given", from) };
  const items: string[] = [];
  for (let i = 0; i < length; i++) {
    slots[`n${i}`] = word(i === 0 ? "state" : "arithmetic", from + by * i);
    items.push(`{n${i}}`);
  }
  const next = from + by * length;
  const number = word("arithmetic", next);
  return {
    given: [sentence(`Count from {from} by {by}: ${items.join(", ")}.`, slots)],
    conclusions: [{
      statement: sentence("The next number is {number}.", { number }),
      question: sentence("Which number is next?"),
      answer: sentence("{number}", { number }),
    }],
  };
}

const FAMILIES = [runningTotal, runningTotal, runningTotal, groups, groups, twoPeople, sharing]
  .concat([shopping, chain]);

/** A problem with worked steps. */
export function arithmeticProblem(random: RandomStream): Problem {
  return random.pick(FAMILIES)(random);
}
