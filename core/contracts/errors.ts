/** The errors that a user can cause and mend. */

/**
 * Something the user gave was wrong. The message says what (the value, the file, the key) and what
 * to do about it; scripts print it as one line, without a stack, and exit with code 2.
 */
export class UserError extends Error {
  override readonly name: string = "UserError";
}
