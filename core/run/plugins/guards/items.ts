/** What plugins yield one after the other. */

import { PluginFault } from "../../../contracts/errors.ts";
import { callPlugin, shown, wrongAnswer } from "./call.ts";

/**
 * The same values, each looked at before it is used.
 *
 * @param what whose code it is, for messages: `plugin "x" (./x.ts): corpus "mine".documents("test")`
 * @param expected what each should be, for messages
 */
export function* checkedItems<T>(
  what: string,
  call: () => Iterable<T>,
  isRight: (value: T) => boolean,
  expected: string,
): Generator<T> {
  const values: unknown = callPlugin(what, call);
  // A text can be iterated over, and is never meant to be.
  if (typeof values !== "object" || values === null || !(Symbol.iterator in values)) {
    const isAsync = typeof values === "object" && values !== null && Symbol.asyncIterator in values;
    throw wrongAnswer(
      what,
      isAsync ? "an asynchronous generator" : shown(values),
      "a list or a generator",
    );
  }
  const iterator = callPlugin(what, () => (values as Iterable<T>)[Symbol.iterator]());
  let isOpen = true;
  const next = () => {
    isOpen = false;
    const { done, value } = iterator.next();
    isOpen = !done;
    return { done, value };
  };
  try {
    for (let index = 0;; index++) {
      const { done, value } = callPlugin(what, next);
      if (done) return;
      if (!callPlugin(what, () => isRight(value))) {
        throw new PluginFault(
          `${what} yielded ${shown(value)} at ${index}; it should be ${expected}`,
        );
      }
      yield value;
    }
  } finally {
    // Whoever stops early lets the plugin close what it has opened.
    if (isOpen) callPlugin(what, () => iterator.return?.());
  }
}
