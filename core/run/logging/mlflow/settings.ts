/** Where an MLflow server is, and who asks: read as MLflow's own client reads it. */

import { UserError } from "../../../contracts/errors.ts";
import { type Environment } from "../logger.ts";

/** How a tracking server is reached. */
export interface TrackingServer {
  /** Its address, without a slash at its end. */
  readonly uri: string;
  /** Value of the header `Authorization`; absent: none is sent. */
  readonly authorization?: string;
}

/**
 * A server with the credentials of the environment: `MLFLOW_TRACKING_USERNAME` and
 * `MLFLOW_TRACKING_PASSWORD` together, or else `MLFLOW_TRACKING_TOKEN`.
 *
 * @throws {UserError} when the address is none of a server, or holds credentials, which would be
 *   written into `run.json`.
 */
export function trackingServer(uri: string, environment: Environment): TrackingServer {
  const address = URL.parse(uri);
  if (address === null || !/^https?:$/.test(address.protocol) || address.host === "") {
    throw new UserError(
      `Cannot use the tracking URI ${JSON.stringify(uri)}: it is no address of a server; start ` +
        "one with mlflow server, and give an address like http://127.0.0.1:5000",
    );
  }
  if (address.username !== "" || address.password !== "") {
    throw new UserError(
      `Cannot use the tracking URI of ${address.host}: it holds a name or password; give them in ` +
        "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
    );
  }
  const authorization = authorizationOf(environment);
  const base = `${address.origin}${address.pathname}`.replace(/\/+$/, "");
  return { uri: base, ...(authorization === undefined ? {} : { authorization }) };
}

function authorizationOf(environment: Environment): string | undefined {
  const username = environment["MLFLOW_TRACKING_USERNAME"];
  const password = environment["MLFLOW_TRACKING_PASSWORD"];
  if (username && password) {
    return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
  }
  const token = environment["MLFLOW_TRACKING_TOKEN"];
  if (!token) return undefined;
  // Anything else would break the header that carries it.
  if (/^[\x21-\x7e]+$/.test(token)) return `Bearer ${token}`;
  throw new UserError(
    "Cannot use the token in MLFLOW_TRACKING_TOKEN: it holds characters that no token has; copy " +
      "it again",
  );
}
