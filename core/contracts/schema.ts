/**
 * Schemas of zod 4, as much of them as types have to say. Zod's own types differ from one minor version
 * to the next, and a plugin brings a version of its own.
 */

/** What is wrong with a value. */
export interface SchemaIssue {
  /** Where: the keys that lead there from outside. */
  readonly path: readonly PropertyKey[];
  /** Which kind of mistake it is, in zod's words; `custom` is one that a schema added. */
  readonly code?: string | undefined;
  /** What, in words. */
  readonly message: string;
}

/** A value that was checked, or why it does not fit. */
export type SchemaResult<Output> =
  | { readonly success: true; readonly data: Output }
  | { readonly success: false; readonly error: { readonly issues: readonly SchemaIssue[] } };

/** A schema that `zod` made: it checks a value, and says what type it has then. */
export interface Schema<Output = unknown> {
  /** The value, with defaults filled in. Throws where it does not fit. */
  parse(value: unknown): Output;
  /** Likewise, without throwing. */
  safeParse(value: unknown): SchemaResult<Output>;
  /** What zod keeps for itself; nothing but its schemas has it. */
  readonly _zod: object;
}

/** A schema of an object, whose fields can be listed: `z.object`, `z.strictObject`, `z.looseObject`. */
export interface ObjectSchema<Output = unknown> extends Schema<Output> {
  /** The schema of each field. */
  readonly shape: Readonly<Record<string, Schema>>;
  /** The same, letting fields pass that it does not name. */
  loose(): Schema;
}
