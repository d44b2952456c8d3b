/** What the hub means by its error statuses, in one line that a user can act on. */

import { UserError } from "../../contracts/errors.ts";
import { HubUnavailable, requestedWait } from "./patience.ts";
import { described, type HubRepository, pageAddress } from "./repository.ts";
import type { HubAnswer } from "./request.ts";
import type { HubSettings } from "./settings.ts";

/**
 * The error that an answer with a status of 400 or more stands for. The hub tells by `X-Error-Code`
 * what it means; like huggingface_hub (`utils/_http.py`) this looks at it before the status.
 *
 * @param action what was tried, as after "Cannot"
 * @returns a {@link HubUnavailable} where the answer says nothing about the repository.
 */
export function refusal(
  answer: HubAnswer,
  action: string,
  repository: HubRepository,
  settings: HubSettings,
): UserError {
  const { status, headers, host } = answer;
  const { endpoint, token, cache } = settings;
  const { type } = repository;
  const refused = (why: string) => new UserError(`Cannot ${action}: ${why}`);
  const said = headers.get("x-error-message")?.replaceAll(/\s+/g, " ").slice(0, 200);
  if (status === 429) {
    const wait = requestedWait(headers);
    return new HubUnavailable(
      action,
      `${host} was asked too often (429)`,
      (wait === undefined ? "wait a few minutes" : `wait ${wait} seconds`) + " and run again" +
        (token === undefined ? ", or set HF_TOKEN, which raises the limit" : ""),
      { wait },
    );
  }
  if (status >= 500 || status === 408) {
    return new HubUnavailable(
      action,
      `${host} has a failure of its own (${status})`,
      `run again later, or set HF_HUB_OFFLINE=1 to use only the cache ${cache}`,
      { wait: requestedWait(headers) },
    );
  }
  if (!answer.home) {
    // Addresses of storage are signed and expire; the hub gives a fresh one for the next try.
    return new HubUnavailable(action, `${host} refused it (${status})`, "run again later");
  }
  switch (headers.get("x-error-code")) {
    case "GatedRepo":
      return refused(
        `${described(repository)} is gated; accept its licence at ` +
          pageAddress(endpoint, repository) +
          (token === undefined
            ? ", then set HF_TOKEN to a token of your account"
            : ` with the account of the token in ${token.source}`),
      );
    case "RevisionNotFound":
      return refused(
        `the ${type} has no such revision; give one of its branches, tags or commits`,
      );
    case "EntryNotFound":
      return refused("the hub has no such file; check the name");
  }
  if (status === 401 && token !== undefined) {
    return refused(
      `${host} does not accept the token in ${token.source}; make a new one at ` +
        `${endpoint}/settings/tokens`,
    );
  }
  if (status === 401 || status === 404) {
    return refused(
      `${host} has no such ${type}, or it is private or gated; check the name` +
        (token === undefined
          ? ", and set HF_TOKEN if you may read it"
          : `, and that the token in ${token.source} may read it`),
    );
  }
  return refused(
    `${host} refused it (${status}${said === undefined ? "" : `, "${said}"`}); ` +
      (status === 403 ? "check what the token may read" : "check HF_ENDPOINT"),
  );
}
