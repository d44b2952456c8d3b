/** Declarations of parameters, which models and routers of anybody's make: are they such? */

import { type Init, type ParamSpec, type ParamSpecs, UserError } from "../contracts/mod.ts";

/** The number that belongs to each way of drawing, by its name, and what it may be. */
const INITS: Readonly<
  Record<Init["kind"], { readonly number: string; readonly takes: (value: number) => boolean }>
> = {
  normal: { number: "std", takes: (value) => value >= 0 },
  constant: { number: "value", takes: () => true },
  kaimingUniform: { number: "fanIn", takes: (value) => value > 0 },
};

/** What an init may be, in words. */
const ALLOWED = Object.entries(INITS)
  .map(([kind, { number }]) => `{ kind: "${kind}", ${number} }`).join(", ");

/**
 * Checks that parameters are declared as the contract says, which the compiler does not see of a plugin
 * in JavaScript, or of sizes that were worked out wrong.
 *
 * @param whose what declares them, for messages
 * @throws {UserError} naming the parameter, with what its declaration may be.
 */
export function checkSpecs(specs: ParamSpecs, whose?: string): void {
  const refuse = (what: string) => new UserError(whose === undefined ? what : `${whose}: ${what}`);
  if (typeof specs !== "object" || specs === null || Array.isArray(specs) || isPromise(specs)) {
    throw refuse(
      `Parameters are declared as ${shown(specs)}; give an object with a declaration for each name`,
    );
  }
  for (const [name, spec] of Object.entries<ParamSpec | undefined>(specs)) {
    const { shape, init } = spec ?? {};
    if (!Array.isArray(shape) || !shape.every((size) => Number.isInteger(size) && size > 0)) {
      throw refuse(
        `The parameter "${name}" is declared with the shape ${
          shown(shape)
        }; give a list of whole ` +
          "numbers from 1 up",
      );
    }
    if (!isInit(init)) {
      throw refuse(
        `The parameter "${name}" is declared with the init ${
          shown(init)
        }; give one of ${ALLOWED}, ` +
          "with a finite number",
      );
    }
  }
}

function isInit(init: Init | undefined): boolean {
  const kind = init?.kind;
  if (kind === undefined || !Object.hasOwn(INITS, kind)) return false;
  const { number, takes } = INITS[kind];
  const value = (init as unknown as Readonly<Record<string, unknown>>)[number];
  return typeof value === "number" && Number.isFinite(value) && takes(value);
}

function isPromise(value: object): boolean {
  return "then" in value && typeof value.then === "function";
}

/** A value as one would write it, on a line. */
function shown(value: unknown): string {
  if (typeof value === "object" && value !== null && isPromise(value)) return "a promise";
  if (typeof value !== "object" && typeof value !== "string") return String(value);
  return JSON.stringify(value, (_, inner) => typeof inner === "number" ? numberIn(inner) : inner);
}

/** JSON has no NaN. */
function numberIn(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}
