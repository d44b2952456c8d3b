/**
 * What every task promises: rows that become documents or are refused by name, requests of the type
 * that it declares, and scores that are best for the right answers.
 */

import { type PluginPromise } from "../promise.ts";
import { documentPromises } from "./document_promises.ts";
import { descriptionPromise, scorePromises } from "./score_promises.ts";
import { type TaskSubject } from "./subject.ts";

export { type TaskSubject } from "./subject.ts";

/** All promises of a task. */
export function taskPromises(subject: TaskSubject): PluginPromise[] {
  return [
    descriptionPromise(subject.task),
    ...documentPromises(subject),
    ...scorePromises(subject),
  ];
}
