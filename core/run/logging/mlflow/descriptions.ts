/** What MLflow is told of a run beside its metrics: parameters and tags, within its limits. */

import os from "node:os";
import { basename } from "node:path";
import { type RunRecord } from "../../run_record.ts";
import { leaves } from "../../settings.ts";
import { type Environment } from "../logger.ts";
import { type KeyValue } from "./client.ts";

/** The longest name of a parameter or metric. */
const LONGEST_KEY = 250;
/** The longest value of a parameter: that of servers before 2.10; later ones take 6000. */
const LONGEST_PARAM = 500;
/** The longest value of a tag: that of servers before 2.13; later ones take 8000. */
const LONGEST_TAG = 5000;

/** A name as MLflow allows it: letters, digits, and a few signs. */
export function mlflowKey(name: string): string {
  const allowed = name.replaceAll(/[^\w./ -]/g, "_");
  return allowed.slice(0, LONGEST_KEY);
}

/**
 * The configuration as parameters, by dotted key. A value that is too long for one is cut into
 * `key.1`, `key.2`, ...
 */
export function paramsOf(config: RunRecord["config"]): KeyValue[] {
  return leaves("", config).toArray().flatMap(([name, value]) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const pieces = piecesOf(text);
    if (pieces.length === 1) return [{ key: mlflowKey(name), value: text }];
    return pieces.map((piece, i) => {
      const suffix = `.${i + 1}`;
      return { key: mlflowKey(name).slice(0, LONGEST_KEY - suffix.length) + suffix, value: piece };
    });
  });
}

/** A text in pieces that are short enough; no character is cut in two. */
function piecesOf(text: string): string[] {
  const pieces = [""];
  for (const character of text) {
    if (pieces.at(-1)!.length + character.length > LONGEST_PARAM) pieces.push("");
    pieces[pieces.length - 1] += character;
  }
  return pieces;
}

/** Who ran it, what, and with which versions. */
export function tagsOf(folder: string, record: RunRecord, environment: Environment): KeyValue[] {
  const { versions, machine, commandLine, commit } = record;
  const tags = {
    "mlflow.runName": runName(folder),
    "mlflow.user": userName(environment),
    "mlflow.source.name": commandLine,
    "mlflow.source.type": "LOCAL",
    ...(commit === null ? {} : { "mlflow.source.git.commit": commit }),
    "dlr.experiment": record.name,
    "dlr.version": versions.dlr,
    "dlr.deno": versions.deno,
    "dlr.onnxruntime": versions.onnxruntime,
    "dlr.machine": `${machine.processor}, ${machine.cores} cores, ${machine.os}`,
  };
  return Object.entries(tags).map(([key, value]) => ({ key, value: value.slice(0, LONGEST_TAG) }));
}

/** The folder's name: when the run began and its seed, or the settings of a trial. */
export function runName(folder: string): string {
  return basename(folder);
}

/** The account, as Python's `getpass.getuser` finds it. */
function userName(environment: Environment): string {
  const named = ["MLFLOW_TRACKING_USERNAME", "LOGNAME", "USER", "LNAME", "USERNAME"]
    .map((name) => environment[name]).find((value) => value !== undefined && value !== "");
  if (named !== undefined) return named;
  try {
    return os.userInfo().username;
  } catch {
    // As in a container whose account has no name.
    return "unknown";
  }
}
