/**
 * Sizes that are known only when a program runs: how many rows a router keeps, how long a text is.
 *
 * To whoever builds a graph such a size is an ordinary number, so shapes are multiplied, divided and
 * compared as always: each named size is a prime far above every real size. Whoever runs the graph
 * takes a number apart again into its factors, which says what it is made of. A sum is remembered as
 * the number that it is.
 */

/** Real sizes have no prime factor as large as this. */
const FIRST = 2 ** 20;

/** What a size is made of: a plain factor times named sizes and sums. */
export interface SizeTerms {
  /** What is known already: a whole number. */
  readonly factor: number;
  /** A name, or the addends of a sum; each as often as it is a factor. */
  readonly terms: readonly (string | readonly number[])[];
}

/** Values by name, and what each value means, in the order in which they came up. */
const valueOf = new Map<string, number>();
const meaningOf = new Map<number, string | readonly number[]>();
let last = FIRST;

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) {
    if (n % divisor === 0) return false;
  }
  return true;
}

/** The number that stands for the size of this name; the same name is the same number. */
export function runtimeSize(name: string): number {
  let value = valueOf.get(name);
  if (value === undefined) {
    // Nor may a sum that is there already be a multiple of it.
    do last++; while (!isPrime(last) || [...meaningOf.keys()].some((sum) => sum % last === 0));
    valueOf.set(name, value = last);
    meaningOf.set(value, name);
  }
  return value;
}

/**
 * What a size is made of.
 *
 * @throws {RangeError} when too many sizes that are not known yet were multiplied to tell.
 */
export function sizeTerms(size: number): SizeTerms {
  if (size <= FIRST) return { factor: size, terms: [] };
  if (size > Number.MAX_SAFE_INTEGER) {
    throw new RangeError("Cannot multiply more than two sizes that are known only at run time");
  }
  const terms: (string | readonly number[])[] = [];
  let factor = size;
  for (const [value, meaning] of meaningOf) {
    while (factor >= value && factor % value === 0) {
      terms.push(meaning);
      factor /= value;
    }
  }
  return { factor, terms };
}

/** Whether a size is known only at run time. */
export function isRuntimeSize(size: number): boolean {
  return size > FIRST && sizeTerms(size).terms.length > 0;
}

/** The sum of sizes, known or not. */
export function sumOfSizes(sizes: readonly number[]): number {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const parts = sizes.filter((size) => size !== 0);
  if (parts.length < 2 || !parts.some(isRuntimeSize) || meaningOf.has(total)) return total;
  if (isRuntimeSize(total)) {
    throw new RangeError(`Cannot add ${parts.map(showSize).join(" and ")}: name other sizes`);
  }
  meaningOf.set(total, parts);
  return total;
}

/** Values of named sizes in one run. */
export type SizeBindings = ReadonlyMap<string, number>;

/** What a size is in a run. @throws {TypeError} for a name that has no value. */
export function resolveSize(size: number, bindings: SizeBindings): number {
  const { factor, terms } = sizeTerms(size);
  return terms.reduce<number>((product, term) => {
    if (typeof term !== "string") {
      return product * term.reduce((sum, part) => sum + resolveSize(part, bindings), 0);
    }
    const value = bindings.get(term);
    if (value === undefined) throw new TypeError(`The size "${term}" is not known in this run`);
    return product * value;
  }, factor);
}

/** A shape as it is in a run. */
export function resolveShape(shape: readonly number[], bindings: SizeBindings): number[] {
  return shape.map((size) => resolveSize(size, bindings));
}

/**
 * Notes in `bindings` what the named sizes of `shape` are where a tensor has `actual`; false where
 * both do not go together.
 */
export function bindShape(
  shape: readonly number[],
  actual: readonly number[],
  bindings: Map<string, number>,
): boolean {
  if (shape.length !== actual.length) return false;
  return shape.every((size, axis) => {
    if (size === actual[axis]) return true;
    const { factor, terms } = sizeTerms(size);
    const [name] = terms;
    if (factor === 1 && terms.length === 1 && typeof name === "string" && !bindings.has(name)) {
      bindings.set(name, actual[axis]!);
    }
    return terms.length > 0 && resolveSize(size, bindings) === actual[axis];
  });
}

/** Whether tensors of both shapes have equally many elements. */
export function sameCount(a: readonly number[], b: readonly number[]): boolean {
  return countOf(a) === countOf(b);
}

/** The number of elements, in a form that does not depend on how they are arranged. */
function countOf(shape: readonly number[]): string {
  const all = shape.map(sizeTerms);
  const factor = all.reduce((product, terms) => product * terms.factor, 1);
  // Nothing is as many as nothing, whatever the other axes are.
  if (factor === 0) return "0";
  return [factor, ...all.flatMap(({ terms }) => terms.map(String)).sort()].join(" ");
}

/** `4·batch`, as sizes are written in messages. */
export function showSize(size: number): string {
  const { factor, terms } = sizeTerms(size);
  const names = terms.map((term) =>
    typeof term === "string" ? term : `(${term.map(showSize).join("+")})`
  );
  return [...(factor === 1 && names.length > 0 ? [] : [String(factor)]), ...names].join("·");
}
