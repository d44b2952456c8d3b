/** A backend's operations: the numbers of the oracle, and of its gradients. */

import { type Backend, type Feeds } from "../../contracts/mod.ts";
import { gradients, type Node, type OpName } from "../../graph/mod.ts";
import { type HostTensor } from "../../tensor/mod.ts";
import { closeness, worstFigure } from "../closeness.ts";
import { weightedSum } from "../gradient_check.ts";
import { type OperationCase } from "../operations/cases.ts";
import { operations } from "../operations/mod.ts";
import { type Figure, type PluginPromise } from "../promise.ts";
import { assertSame } from "../same.ts";
import { type BackendSubject } from "./subject.ts";

/** A promise for each operation that there is. */
export function operationPromises(subject: BackendSubject): PluginPromise[] {
  const all = Object.entries(operations) as [OpName, readonly OperationCase[]][];
  return all.map(([op, cases]) => ({
    name: `${op} and its gradients`,
    lookAt: `how the backend computes ${op}, and the operations that its gradient is made of`,
    async check() {
      await using backend = await subject.make();
      const figures: Figure[] = [];
      for (const each of cases) {
        const what = `${op}, ${each.name}`;
        figures.push(await compare(subject, backend, { value: each.output }, each.feeds, what));
        const slopes = gradientGraph(each);
        if (slopes) figures.push(await compare(subject, backend, slopes, each.feeds, what));
      }
      return inShort(worstFigure(figures));
    },
  }));
}

/** The gradients that a case is checked for, each as an output; undefined when there are none. */
function gradientGraph(
  { output, inputs, wrt, detached }: OperationCase,
): Record<string, Node> | undefined {
  const names = [...wrt, ...detached];
  if (output.type.dtype !== "float32" || names.length === 0) return undefined;
  const slopes = gradients(weightedSum(output), names.map((input) => inputs[input]!));
  return Object.fromEntries(names.map((input, i) => [`gradient of ${input}`, slopes[i]!]));
}

/** Without the case it is from, which is worth telling where it is broken only. */
export function inShort(figure: Figure): Figure {
  return figure.value <= figure.bound ? { ...figure, what: "max difference" } : figure;
}

/** How far a backend's outputs are from the oracle's: that which is worst. */
export async function compare(
  { oracle, tolerance }: BackendSubject,
  backend: Backend,
  outputs: Readonly<Record<string, Node>>,
  feeds: Readonly<Record<string, HostTensor>>,
  what: string,
): Promise<Figure> {
  const actual = await runOnce(backend, outputs, feeds).catch((cause: Error) => {
    const tried = Object.keys(outputs).join(", ");
    throw new Error(`${what}: ${tried} does not run: ${cause.message}`, { cause });
  });
  const expected = oracle.evaluate(outputs, feeds);
  assertSame(
    Object.keys(actual).toSorted(),
    Object.keys(outputs).toSorted(),
    `${what}: the outputs are called ${Object.keys(actual).join(", ")}`,
  );
  return worstFigure(
    Object.keys(outputs).map((name) => {
      const about = `max difference of ${what}: ${name}`;
      return closeness(actual[name]!, expected[name]!, tolerance, about);
    }),
  );
}

/** Values of a program that is made for one run. */
export async function runOnce<Output extends string>(
  backend: Backend,
  outputs: Readonly<Record<Output, Node>>,
  feeds: Feeds,
): Promise<Record<Output, HostTensor>> {
  await using program = await backend.compile(outputs);
  return await program.run(feeds);
}
