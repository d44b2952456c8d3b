/**
 * What the two timing programs share. They run under node in the folder where the packages were
 * installed, and get the model's path and the settings, as JSON, on the command line.
 */

import { createRequire } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

/** Loads a package from the folder that the program runs in, not from that of the program. */
export function loadPackage(name) {
  const place = createRequire(join(process.cwd(), "package.json")).resolve(name);
  return import(pathToFileURL(place).href);
}

/** Runs a program: one line on stderr and exit code 1 where it fails. */
export async function main(time) {
  const fail = (error) => {
    console.error(String(error?.message ?? error).replaceAll("\n", " "));
    process.exit(1);
  };
  process.on("uncaughtException", fail); // what a library lets fall, rejections included
  const [model, settings] = process.argv.slice(2);
  await time(model, JSON.parse(settings)).catch(fail);
  process.exit(0); // whatever threads a library still has
}

/** Prints a measurement: the median of the times but the first, which warms up, and the least. */
export function report(phase, batch, [, ...times]) {
  const rounded = (ms) => Number(ms.toFixed(3));
  const line = { phase, batch, ms: rounded(median(times)), least: rounded(Math.min(...times)) };
  console.log(JSON.stringify(line));
}

/** Milliseconds that `work` takes. */
export async function timed(work) {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** A source of token ids that are no special ones, the same for the same seed. */
export function tokenSource(vocabulary, seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 259 + state % (vocabulary - 259);
  };
  return (count) => Array.from({ length: count }, next);
}
