/** What a backend refuses, and that it says why. */

import assert from "node:assert/strict";
import { type Feeds } from "../../contracts/mod.ts";
import { input } from "../../graph/mod.ts";
import { floats, ints } from "../../tensor/mod.ts";
import { type PluginPromise } from "../promise.ts";
import { type BackendSubject, feeds, sum } from "./subject.ts";

const WRONG_FEEDS: readonly [what: string, feeds: Feeds][] = [
  ["a missing input", { a: feeds.a }],
  ["an input of the wrong shape", { ...feeds, b: floats([4]) }],
  ["an input with an axis more", { ...feeds, b: floats([1, 3]) }],
  ["an input of the wrong type", { ...feeds, b: ints([3]) }],
];

/** A promise for each thing that is wrong. */
export function refusalPromises({ make }: BackendSubject): PluginPromise[] {
  return [
    ...WRONG_FEEDS.map(([what, wrong]): PluginPromise => ({
      name: `refuses ${what} by its name`,
      lookAt: "Program.run checks each feed's type, and is usable after a refusal",
      async check() {
        await using backend = await make();
        await using program = await backend.compile({ sum });
        const said = await refusal(() => program.run(wrong), what);
        assertNamesInput(said);
        // A refusal leaves the program usable.
        await program.run(feeds);
        return said.message;
      },
    })),
    {
      name: "refuses an uploaded tensor of the wrong shape by its input's name",
      lookAt: "Program.run checks uploaded tensors as it does others",
      async check() {
        await using backend = await make();
        await using program = await backend.compile({ sum });
        using wrong = backend.upload(floats([4]));
        const said = await refusal(() => program.run({ ...feeds, b: wrong }), "the tensor");
        assertNamesInput(said);
        return said.message;
      },
    },
    {
      name: "refuses to compile one input with two types",
      lookAt: "Backend.compile finds its inputs by inputsOf, which throws",
      async check() {
        await using backend = await make();
        const twice = { one: input("x", [2]), two: input("x", [3]) };
        const said = await refusal(() => backend.compile(twice), "two inputs of one name");
        assert.ok(said instanceof TypeError, `it throws a ${said.name} instead of a TypeError`);
        return said.message;
      },
    },
    {
      name: "refuses to run a program that was disposed of",
      lookAt: "Program[Symbol.asyncDispose]",
      async check() {
        await using backend = await make();
        const program = await backend.compile({ sum });
        await program[Symbol.asyncDispose]();
        return (await refusal(() => program.run(feeds), "a program that is gone")).message;
      },
    },
  ];
}

/**
 * The error that `body` throws; its cause where it has one, as who guards a plugin's code tells of what
 * it threw in words of its own.
 *
 * @throws {AssertionError} when it throws none.
 */
async function refusal(body: () => Promise<unknown>, what: string): Promise<Error> {
  try {
    await body();
  } catch (error) {
    assert.ok(error instanceof Error, `what is thrown is no error: ${error}`);
    return error.cause instanceof Error ? error.cause : error;
  }
  assert.fail(`${what} is taken`);
}

function assertNamesInput(error: Error): void {
  assert.ok(error instanceof TypeError, `it throws a ${error.name} instead of a TypeError`);
  assert.match(error.message, /\bb\b/, `the input b is not named: ${error.message}`);
}
