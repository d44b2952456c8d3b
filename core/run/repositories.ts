/** Repositories on the hub for one run: downloaded with progress, and pinned to the commits it used. */

import { type Repositories, type Repository, UserError } from "../contracts/mod.ts";
import { hubSnapshot } from "../io/hub/mod.ts";
import { createProgress, type Progress } from "./progress.ts";

/** Commits by repository: `"model Qwen/Qwen2.5-3B"`. */
export type Commits = Readonly<Record<string, string>>;

/** Megabytes as disks count them. */
const MEGABYTE = 1e6;

/** Gets repositories for one run. */
export class RunRepositories implements Repositories {
  readonly #commits: Record<string, string>;

  /**
   * @param pinned the commits that a continued run began with
   * @param quiet no progress, only notes
   */
  constructor(pinned: Commits = {}, private readonly quiet = false) {
    this.#commits = { ...pinned };
  }

  /** The commits of all that was fetched, and of what was pinned. */
  get commits(): Commits {
    return this.#commits;
  }

  /**
   * Notes which version of something else a run began with.
   *
   * @throws {UserError} where it began with another.
   */
  pin(what: string, version: string): void {
    const before = this.#commits[what] ??= version;
    if (before === version) return;
    throw new UserError(
      `The ${what} is not what the run began with (${version} now, ${before} then): its configuration, ` +
        "parameters or tokenizer have changed; go back to those, or train again",
    );
  }

  async fetch(
    repository: Repository,
    choose: (files: readonly string[]) => readonly string[],
  ): Promise<string> {
    const { type, id } = repository;
    const key = `${type} ${id}`;
    const revision = this.#commits[key] ?? repository.revision;
    let progress: Progress | undefined;
    try {
      const { folder, commit } = await hubSnapshot(
        { type, id, ...(revision === undefined ? {} : { revision }) },
        choose,
        {
          onNote: (line) => progress ? progress.note(line) : console.error(line),
          onProgress: ({ file, receivedBytes, totalBytes }) => {
            progress ??= createProgress({
              label: `${id}, MB`,
              total: Math.ceil(totalBytes / MEGABYTE),
              quiet: this.quiet,
            });
            progress.update(Math.floor(receivedBytes / MEGABYTE), { file });
          },
        },
      );
      this.#commits[key] = commit;
      return folder;
    } finally {
      progress?.stop();
    }
  }
}
