/** Which loggers there are, and how they are asked for. Light, as `--help` and sweeps need it. */

import { UserError } from "../../contracts/errors.ts";
import { nearestName } from "../did_you_mean.ts";

/** Loggers by the name that `--log` takes. */
export const LOGGER_NAMES = ["tensorboard", "mlflow"] as const;

/** One of {@link LOGGER_NAMES}. */
export type LoggerName = typeof LOGGER_NAMES[number];

/** The name that asks for no logger: for a run that is continued without. */
const NONE = "none";

/** What a command line says of logging. */
export interface LoggingOptions {
  /** Loggers; absent: those that a continued run had, none for a new one. */
  readonly log?: readonly LoggerName[];
  /** Address of an MLflow server. */
  readonly trackingUri?: string;
}

/** Where a run logs to beside its CSV; `run.json` keeps it, so that a continued run goes on so. */
export interface LoggingChoice {
  readonly loggers: readonly LoggerName[];
  /** Address of the MLflow server, when that is a logger. */
  readonly trackingUri?: string | undefined;
}

/**
 * Reads `tensorboard,mlflow`; `none` gives an empty list.
 *
 * @throws {UserError} for an unknown name (with the nearest one), or `none` beside others.
 */
export function loggerNames(text: string): LoggerName[] {
  const names = [...new Set(text.split(",").map((name) => name.trim()))];
  if (names.length === 1 && names[0] === NONE) return [];
  if (names.includes(NONE)) throw new UserError(`--log ${text}: "${NONE}" goes without others`);
  return names.map((name) => {
    const known = LOGGER_NAMES.find((each) => each === name);
    if (known !== undefined) return known;
    const nearest = nearestName(name, [...LOGGER_NAMES, NONE]);
    const hint = nearest === undefined ? "" : `did you mean "${nearest}"? `;
    const all = [...LOGGER_NAMES, NONE].join(", ");
    throw new UserError(`Unknown logger "${name}" (from --log): ${hint}There are: ${all}`);
  });
}

/**
 * Where a run logs to.
 *
 * @param earlier where it did before, for one that is continued
 * @param environment `MLFLOW_TRACKING_URI` counts where nothing else names a server
 * @throws {UserError} for an address without a logger that takes it, or MLflow without an address.
 */
export function chooseLogging(
  { log, trackingUri }: LoggingOptions,
  earlier?: LoggingChoice,
  environment: Readonly<Record<string, string | undefined>> = Deno.env.toObject(),
): LoggingChoice {
  const loggers = log ?? earlier?.loggers ?? [];
  if (!loggers.includes("mlflow")) {
    if (trackingUri === undefined) return { loggers };
    throw new UserError(`--tracking-uri ${trackingUri} is for MLflow: add --log mlflow`);
  }
  const uri = trackingUri ?? earlier?.trackingUri ?? environment["MLFLOW_TRACKING_URI"];
  if (uri) return { loggers, trackingUri: uri };
  throw new UserError(
    "--log mlflow needs the address of a server: give it by --tracking-uri " +
      "http://127.0.0.1:5000, or in MLFLOW_TRACKING_URI",
  );
}

/** The options that hand a choice on to another command. */
export function loggingArgs({ log, trackingUri }: LoggingOptions): string[] {
  return [
    ...(log === undefined ? [] : ["--log", log.length === 0 ? NONE : log.join(",")]),
    ...(trackingUri === undefined ? [] : ["--tracking-uri", trackingUri]),
  ];
}
