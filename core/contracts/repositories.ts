/** Files of others: repositories on the hub. */

/** A repository on the Hugging Face hub, at a revision. */
export interface Repository {
  /** Which of the hub's two kinds it is; names of one may occur in the other too. */
  readonly type: "model" | "dataset";
  /** `organisation/name` */
  readonly id: string;
  /** A branch, a tag or a commit; what the run began with, or else `main`, unless told. */
  readonly revision?: string;
}

/** Gets files of repositories; given to plugins that need some. */
export interface Repositories {
  /**
   * The folder that holds the chosen files under their names. What is not here yet is downloaded.
   *
   * @param choose picks from the names of all files
   * @throws {UserError} when they cannot be had.
   */
  fetch(
    repository: Repository,
    choose: (files: readonly string[]) => readonly string[],
  ): Promise<string>;
}
