/** The options of logging, for every command line that trains. */

import { Option } from "@commander-js/extra-typings";
import { UserError } from "../../contracts/errors.ts";
import { type LoggerName, loggerNames } from "./names.ts";

/** `--log`; may be repeated. */
export function logOption() {
  return new Option(
    "--log <names>",
    "log beside metrics.csv: tensorboard, mlflow, both with a comma; none: no longer",
  ).argParser((text: string, before: LoggerName[] | undefined): LoggerName[] => {
    const names = loggerNames(text);
    if (before === undefined) return names;
    if (before.length > 0 && names.length > 0) return [...new Set([...before, ...names])];
    throw new UserError(`--log is given "none" and others: give one of them`);
  });
}

/** `--tracking-uri`. */
export function trackingUriOption() {
  return new Option(
    "--tracking-uri <URI>",
    "MLflow server for --log mlflow (default: MLFLOW_TRACKING_URI)",
  );
}
