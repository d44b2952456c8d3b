/** What may end a run without being a bug of dlr: mistakes of users and of plugins, and a user's wish. */

/**
 * Something the user gave was wrong. The message says what (the value, the file, the key) and what
 * to do about it; scripts print it as one line, without a stack, and exit with code 2.
 */
export class UserError extends Error {
  /** `"UserError"`, or the name of a kind of it. */
  override readonly name: string = "UserError";
}

/**
 * A plugin did something that its contract does not allow, or threw: a mistake of whoever wrote it. One
 * line as any {@link UserError}, and exit code 2; kits count it as a broken promise, never as a refusal.
 */
export class PluginFault extends UserError {
  /** `"PluginFault"` */
  override readonly name: string = "PluginFault";
}

/** The user stopped the run (Ctrl-C); the message says how to continue. Exit code 130. */
export class Interrupted extends Error {
  /** `"Interrupted"` */
  override readonly name: string = "Interrupted";
}
