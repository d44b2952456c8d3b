/**
 * Where the hub is, who asks, and where its files are kept: environment variables, read as Python's
 * huggingface_hub reads them (`constants.py` and `utils/_auth.py` of version 2.4). An empty variable
 * counts as absent.
 */

import fs from "node:fs";
import os from "node:os";
import { join, resolve } from "node:path";
import { UserError } from "../../contracts/errors.ts";
import { explainFailure } from "../failures.ts";

/** A user's access token. */
export interface HubToken {
  readonly value: string;
  /** Where it was found, for messages: `HF_TOKEN`, or a file. */
  readonly source: string;
}

/** How the hub is reached. */
export interface HubSettings {
  /** Address of the hub, without a slash at its end. */
  readonly endpoint: string;
  /** Absent for a visitor without an account. */
  readonly token?: HubToken;
  /** The folder of all repositories, shared with Python. */
  readonly cache: string;
  /** Never touch the network. */
  readonly offline: boolean;
}

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_ENDPOINT = "https://huggingface.co";

/**
 * The settings that the environment asks for: `HF_ENDPOINT`; `HF_TOKEN`, or else the file that
 * `hf auth login` writes (`HF_TOKEN_PATH`); `HF_HUB_CACHE`, or else `hub` in `HF_HOME`, or else
 * `huggingface/hub` in `XDG_CACHE_HOME`; `HF_HUB_OFFLINE`. The names that Python still reads for old
 * times' sake (`HUGGINGFACE_HUB_CACHE`, `HUGGING_FACE_HUB_TOKEN`, `TRANSFORMERS_OFFLINE`) are read
 * after them.
 *
 * @throws {UserError} when the endpoint is no address, or the token cannot be one.
 */
export function hubSettings(environment: Environment = Deno.env.toObject()): HubSettings {
  const read = (...names: readonly string[]) =>
    names.map((name) => environment[name]).find((value) => value !== undefined && value !== "");
  const absolute = (path: string) => resolve(expandPath(path, environment));
  const home = absolute(
    read("HF_HOME") ?? join(read("XDG_CACHE_HOME") ?? "~/.cache", "huggingface"),
  );
  const token = tokenOf(read, absolute(read("HF_TOKEN_PATH") ?? join(home, "token")));
  return {
    endpoint: checkEndpoint(read("HF_ENDPOINT") ?? DEFAULT_ENDPOINT),
    cache: absolute(read("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? join(home, "hub")),
    offline: isTrue(read("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")),
    ...token && { token },
  };
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && ["1", "ON", "YES", "TRUE"].includes(value.toUpperCase());
}

/** `~` and `$NAME` or `${NAME}` replaced; a variable that is not set stays as it is written. */
function expandPath(path: string, environment: Environment): string {
  return path
    .replace(/^~(?=\/|$)/, () => environment["HOME"] || os.homedir())
    .replaceAll(
      /\$(?:(\w+)|\{([^}]*)\})/g,
      (whole, bare, braced) => environment[bare ?? braced] ?? whole,
    );
}

function checkEndpoint(endpoint: string): string {
  const address = endpoint.replace(/\/+$/, "");
  if (/^https?:$/.test(URL.parse(address)?.protocol ?? "")) return address;
  throw new UserError(
    `Cannot use HF_ENDPOINT ${JSON.stringify(endpoint)}: it is no address; ` +
      `write it like ${DEFAULT_ENDPOINT}`,
  );
}

function tokenOf(
  read: (...names: readonly string[]) => string | undefined,
  file: string,
): HubToken | undefined {
  const name = ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"].find((each) => read(each) !== undefined);
  const source = name ?? file;
  const value = (name === undefined ? readTokenFile(file) : read(name))?.trim();
  if (!value) return undefined;
  // Anything else would break the header that carries it.
  if (/^[\x21-\x7e]+$/.test(value)) return { value, source };
  throw new UserError(
    `Cannot use the token in ${source}: it holds characters that no token has; copy it again`,
  );
}

function readTokenFile(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return undefined;
    throw explainFailure(error, "read the token", file);
  }
}
