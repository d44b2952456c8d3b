/** Whether what the documents of the microworld say is true, derived again from their text alone. */

import assert from "node:assert/strict";
import type { Document } from "../../../core/contracts/corpus.ts";
import { microworld, questions } from "../../../plugins/corpora/microworld/mod.ts";
import { CHARACTERS } from "../../../plugins/corpora/microworld/words.ts";

const all: Document[] = [];
for (const document of microworld().documents("train")) {
  all.push(document);
  if (all.length === 6000) break;
}
const wholeText = all.map(({ text }) => text).join("\n\n");

/** The value of "7 + 3 * ..." read from left to right, which holds for chains of + and -. */
function evaluate(expression: string): number {
  const [first, ...rest] = expression.split(" ");
  let total = Number(first);
  for (let i = 0; i < rest.length; i += 2) {
    const operand = Number(rest[i + 1]);
    if (rest[i] === "+") total += operand;
    else if (rest[i] === "-") total -= operand;
    else if (rest[i] === "*") total *= operand;
    else total /= operand;
  }
  return total;
}

Deno.test("every equation in the documents holds", () => {
  const equations = [...wholeText.matchAll(/(\d+ [-+*/] \d+) = (\d+)\./g)];
  assert.ok(equations.length > 2000);
  for (const [equation, sum, result] of equations) {
    assert.equal(evaluate(sum!), Number(result), equation);
  }
});

Deno.test("every chain of sums is worked out to the right result", () => {
  const chains = [
    ...wholeText.matchAll(/Work out ([-+ \d]+)\.[^\n]*The result is (\d+)\./g),
    ...wholeText.matchAll(/Work out ([-+ \d]+)\.[^\n]*\nAnswer:[^\n]*The answer is (\d+)\./g),
  ];
  assert.ok(chains.length > 100);
  for (const [text, chain, result] of chains) {
    assert.equal(evaluate(chain!), Number(result), text);
  }
});

Deno.test("running totals follow from the story alone", () => {
  let checked = 0;
  for (const { question, answer } of questions("math", "train")) {
    const start = /^(?:At first )?\w+ has (\d+) \w+\. (.*) How many \w+ does \w+ have now\?$/
      .exec(question);
    if (start === null) continue;
    let total = Number(start[1]);
    for (const event of start[2]!.split(". ")) {
      const n = Number(/\d+/.exec(event)![0]);
      const gains = /buys|finds|gets|more/.test(event);
      total += gains ? n : -n;
    }
    assert.equal(total, Number(answer), question);
    checked++;
  }
  assert.ok(checked > 100);
});

/** Plays a tracking story and says whether each sentence about its end is true. */
function checkStory(text: string): number {
  const where = new Map<string, string>();
  const before = new Map<string, string>();
  const holder = new Map<string, string>();
  const lies = new Map<string, string>();
  const placeOf = (thing: string) => where.get(holder.get(thing) ?? "") ?? lies.get(thing);
  let checked = 0;
  const check = (actual: unknown, expected: unknown) => {
    assert.equal(actual, expected, text);
    checked++;
  };
  const rules: [RegExp, (...names: string[]) => void][] = [
    [/^(?:At first )?(\w+) (?:was|started) in the (\w+)$/i, (who, place) => {
      where.set(who, place);
    }],
    [/^The (\w+) was in the (\w+)$/, (thing, place) => lies.set(thing, place)],
    [/^There was a (\w+) in the (\w+)$/, (thing, place) => lies.set(thing, place)],
    [/^In the (\w+) lay a (\w+)$/, (place, thing) => lies.set(thing, place)],
    [/(\w+) (?:went|walked|ran) to the (\w+)$/, (who, place) => {
      before.set(who, where.get(who)!);
      where.set(who, place);
    }],
    [/(\w+) (?:took|picked up|found) the (\w+)(?: there and took it)?$/, (who, thing) => {
      check(lies.get(thing), where.get(who));
      lies.delete(thing);
      holder.set(thing, who);
    }],
    [/(\w+) (?:put down|left) the (\w+)(?: there)?$/, (who, thing) => {
      check(holder.get(thing), who);
      holder.delete(thing);
      lies.set(thing, where.get(who)!);
    }],
    [/(\w+) (?:gave|handed) the (\w+) to (\w+)$/, (who, thing, other) => {
      check(holder.get(thing), who);
      check(where.get(other), where.get(who));
      holder.set(thing, other);
    }],
    [/^Now (\w+) is in the (\w+)$/, (who, place) => check(where.get(who), place)],
    [/^Where is ([A-Z]\w+) now\? Answer: the (\w+)$/, (who, place) => check(where.get(who), place)],
    [/^The (\w+) is in the (\w+) now$/, (thing, place) => check(placeOf(thing), place)],
    [/^Where is the (\w+) now\? Answer: the (\w+)$/, (thing, place) => {
      check(placeOf(thing), place);
    }],
    [/^(\w+) has the (\w+) now$/, (who, thing) => check(holder.get(thing), who)],
    [/^Who has the (\w+) now\? Answer: (\w+)$/, (thing, who) => check(holder.get(thing), who)],
    [/^(\w+) last came to the (\w+) from the (\w+)$/, (who, place, from) => {
      check(where.get(who), place);
      check(before.get(who), from);
    }],
    [/^From where did (\w+) last come to the \w+\? Answer: the (\w+)$/, (who, from) => {
      check(before.get(who), from);
    }],
    [/^(\w+) is in the same place as (\w+)$/, (who, other) => {
      check(where.get(who), where.get(other));
    }],
    [/^Who is in the same place as (\w+)\? Answer: (\w+)$/, (who, other) => {
      check(where.get(who), where.get(other));
    }],
  ];
  // "The" is no person: names of things come first in the rules where both could match.
  const sentences = text.replace(/^Question: /, "").replace("\n", " ").replace(/\.$/, "")
    .split(". ");
  for (const said of sentences) {
    const rule = rules.findLast(([pattern]) => pattern.test(said));
    assert.ok(rule !== undefined, `not understood: ${said}`);
    const [pattern, apply] = rule;
    apply(...pattern.exec(said)!.slice(1));
  }
  return checked;
}

Deno.test("what tracking stories say about their end is true", () => {
  const stories = all.filter(({ text }) => / (?:went|walked|ran) to the /.test(text));
  assert.ok(stories.length > 300);
  const checked = stories.reduce((sum, { text }) => sum + checkStory(text), 0);
  assert.ok(checked > 3 * stories.length, `${checked} facts in ${stories.length} stories`);
});

Deno.test("the story checker notices a wrong answer", () => {
  const story = "Ann was in the barn. There was a key in the barn. Ann took the key. " +
    "Ann went to the hall. The key is in the";
  assert.equal(checkStory(`${story} hall now.`), 2);
  assert.throws(() => checkStory(`${story} barn now.`));
});

const STORY_NAMES = new Set(CHARACTERS.map(({ name }) => name));

/** What documents say of the world in one simple form; pronouns and stories are passed over. */
function mine(pattern: RegExp): Map<string, string> {
  const found = new Map<string, string>();
  for (const [sentence, subject, value] of wholeText.matchAll(pattern)) {
    if (/^(?:He|She|It)$/.test(subject!) || STORY_NAMES.has(subject!)) continue;
    const known = found.get(subject!) ?? value;
    assert.equal(known, value, `contradicts an earlier document: ${sentence}`);
    found.set(subject!, value!);
  }
  assert.ok(found.size > 5, `nothing found for ${pattern}`);
  return found;
}

Deno.test("facts are the same in every document and every phrasing", () => {
  const forms: RegExp[][] = [
    [
      /(?<![\w] )([A-Z]\w+) lives in (\w+)\./g,
      /Where does ([A-Z]\w+) live\?\nAnswer: (\w+)\./g,
    ],
    [
      /(?<!of )The mother of ([A-Z]\w+) is (\w+)\./g,
      /(?<!\w )([A-Z]\w+) is a child of ([A-Z]\w+)\./g,
    ],
    [/The capital of ([A-Z]\w+) is (\w+)\./g, /(?<!\w )([A-Z]\w+) is ruled from (\w+)\./g],
    [/A (\w+) eats (\w+)\./g, /What does a (\w+) eat\?\nAnswer: (\w+)\./g],
  ];
  for (const [one, other] of forms) {
    const second = mine(other!);
    for (const [subject, value] of mine(one!)) {
      const same = second.get(subject) ?? value;
      assert.equal(same, value, `${one} and ${other} disagree about ${subject}`);
    }
  }
});

Deno.test("composed facts follow from the facts", () => {
  const links = new Map([
    ["mother", mine(/(?<!of )The mother of ([A-Z]\w+) is (\w+)\./g)],
    ["teacher", mine(/(?<!of )The teacher of ([A-Z]\w+) is (\w+)\./g)],
    ["best friend", mine(/(?<!of )The best friend of ([A-Z]\w+) is ([A-Z]\w+)\./g)],
  ]);
  const town = mine(/(?<!\w )([A-Z]\w+) lives in (\w+)\./g);
  const composed =
    /(?<!of )[Tt]he (mother|teacher|best friend) of ([A-Z]\w+) (?:lives|has a house) in (\w+)\./g;
  let checked = 0;
  for (const [text, link, name, home] of wholeText.matchAll(composed)) {
    const middle = links.get(link!)!.get(name!);
    const expected = middle === undefined ? undefined : town.get(middle);
    if (expected === undefined) continue;
    assert.equal(home, expected, text);
    checked++;
  }
  assert.ok(checked > 30, `${checked}`);
});

Deno.test("who is older agrees with the years of birth", () => {
  const years = mine(/(?<!\w )([A-Z]\w+) was born in the year (\d+)\./g);
  const comparisons = wholeText.matchAll(/(\w+) is (older|younger) than (\w+)\./g);
  let compared = 0;
  for (const [text, one, word, two] of comparisons) {
    const [first, second] = [years.get(one!), years.get(two!)];
    if (first === undefined || second === undefined) continue;
    assert.equal(word, Number(first) < Number(second) ? "older" : "younger", text);
    compared++;
  }
  assert.ok(compared > 100);
});

Deno.test("numbers said to be sorted are sorted", () => {
  const told = /The numbers are ([\d, ]+)\.[^\n]*From small to large: ([\d, ]+)\./g;
  const lists = [...wholeText.matchAll(told)];
  assert.ok(lists.length > 50);
  for (const [text, given, order] of lists) {
    const expected = given!.split(", ").map(Number).sort((a, b) => a - b).join(", ");
    assert.equal(order, expected, text);
  }
});

Deno.test("who is said to be tallest or shortest stands at that end of the order", () => {
  let checked = 0;
  for (const line of wholeText.replaceAll("\nAnswer: ", " ").split("\n")) {
    const end = /(?:The|Who is the) (tallest|shortest)(?: is|\?) (\w+)\./.exec(line);
    if (end === null) continue;
    const above: [string, string][] = [...line.matchAll(/(\w+) is (taller|shorter) than (\w+)\./g)]
      .map(([, one, word, two]) => word === "taller" ? [one!, two!] : [two!, one!]);
    const side = end[1] === "tallest" ? 1 : 0;
    const people = new Set(above.flat());
    for (const pair of above) people.delete(pair[side]);
    assert.deepEqual([...people], [end[2]], line);
    checked++;
  }
  assert.ok(checked > 50);
});

Deno.test("things are counted right", () => {
  const words = "zero one two three four five six".split(" ");
  const told =
    /\w+ has ((?:an? \w+(?:, | and )?)+)\.( \w+ gives away the \w+\.)? So \w+ has (\w+)/g;
  const counts = [...wholeText.matchAll(told)];
  assert.ok(counts.length > 50);
  for (const [text, list, lost, count] of counts) {
    const things = list!.split(/, | and /).length - (lost === undefined ? 0 : 1);
    assert.equal(words.indexOf(count!), things, text);
  }
});

Deno.test("what is in which box, and in which place, follows from the story", () => {
  let checked = 0;
  for (const { text } of all.filter(({ text }) => text.includes(" box is in the "))) {
    const boxOf = new Map<string, string>();
    const placeOf = new Map<string, string>();
    const rules: [RegExp, (first: string, second: string) => void][] = [
      [/^The (\w+) box is in the (\w+)$/, (box, place) => placeOf.set(box, place)],
      [/^In the (\w+) stands the (\w+) box$/, (place, box) => placeOf.set(box, place)],
      [/carries the (\w+) box to the (\w+)$/, (box, place) => placeOf.set(box, place)],
      [/^The (\w+) is in the (\w+) box$/, (thing, box) => boxOf.set(thing, box)],
      [/^In the (\w+) box is the (\w+)$/, (box, thing) => boxOf.set(thing, box)],
      [/(?:moves|takes) the (\w+) .*to the (\w+) box$/, (thing, box) => boxOf.set(thing, box)],
      [/^(?:So|In which place is) the (\w+)(?: is in|\? Answer:) the (\w+)$/, (thing, place) => {
        assert.equal(placeOf.get(boxOf.get(thing)!), place, text);
        checked++;
      }],
      [
        /^(?:The|In which box is the) (\w+)(?: is now in|\? Answer:) the (\w+) box$/,
        (thing, box) => {
          assert.equal(boxOf.get(thing), box, text);
          checked++;
        },
      ],
    ];
    const told = text.replace(/^Question: /, "").replace("\n", " ").replace(/\.$/, "");
    for (const said of told.split(". ")) {
      const rule = rules.find(([pattern]) => pattern.test(said));
      assert.ok(rule !== undefined, `not understood: ${said}`);
      const [, first, second] = rule[0].exec(said)!;
      rule[1](first!, second!);
    }
  }
  assert.ok(checked > 200);
});
