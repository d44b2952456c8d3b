/** Sizes that are known at run time only: worked out on the host, and said in WGSL. */

import { isRuntimeSize, type Shape, sizeTerms } from "../../../../core/tensor/mod.ts";

/** What named sizes are in a run, or how large they may be at most. */
export type SizeValues = ReadonlyMap<string, number>;

/** Works a size out. All sizes grow with those that they are made of: from bounds come bounds. */
export type SizeFunction = (values: SizeValues) => number;

const functions = new Map<number, SizeFunction>();

/** How a size follows from the named ones. */
export function sizeFunction(size: number): SizeFunction {
  let known = functions.get(size);
  if (!known) functions.set(size, known = compile(size));
  return known;
}

function compile(size: number): SizeFunction {
  const { factor, terms } = sizeTerms(size);
  if (terms.length === 0) return () => factor;
  const factors = terms.map((term): SizeFunction => {
    if (typeof term !== "string") {
      const parts = term.map(sizeFunction);
      return (values) => parts.reduce((sum, part) => sum + part(values), 0);
    }
    return (values) => {
      const value = values.get(term);
      if (value === undefined) throw new TypeError(`The size "${term}" is not known in this run`);
      return value;
    };
  });
  return (values) => factors.reduce((product, of) => product * of(values), factor);
}

/** The only name that a size is made of, where it is that name. */
export function nameOf(size: number): string | undefined {
  const { factor, terms: [term, ...others] } = sizeTerms(size);
  return factor === 1 && others.length === 0 && typeof term === "string" ? term : undefined;
}

/**
 * A size as an expression of WGSL.
 *
 * @param variable what the value of a name is called
 */
export function sizeExpression(size: number, variable: (name: string) => string): string {
  const { factor, terms } = sizeTerms(size);
  const parts = terms.map((term) =>
    typeof term === "string"
      ? variable(term)
      : `(${term.map((part) => sizeExpression(part, variable)).join(" + ")})`
  );
  const all = factor === 1 && parts.length > 0 ? parts : [`${factor}u`, ...parts];
  return all.length === 1 ? all[0]! : `(${all.join(" * ")})`;
}

/** Elements of a shape in a run, at most. */
export function countOf(shape: Shape): SizeFunction {
  const sizes = shape.map((size) => isRuntimeSize(size) ? sizeFunction(size) : () => size);
  return (values) => sizes.reduce((count, of) => count * of(values), 1);
}
