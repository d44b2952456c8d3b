/** Settings of a microworld. */

import { UserError } from "../../../core/contracts/errors.ts";

/** How to get a microworld. */
export interface MicroworldOptions {
  /** Decides the world and the documents; a whole number. Default 1. */
  readonly seed?: number;
}

/** The seed of the microworld that `nano` knows. */
export const DEFAULT_SEED = 1;

/** The seed of `options`. Throws a {@link UserError} unless it is a whole number from 0 on. */
export function seedOf({ seed = DEFAULT_SEED }: MicroworldOptions): number {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new UserError(
      `Cannot write a microworld for seed ${seed}: give a whole number from 0 on`,
    );
  }
  return seed;
}
