/** What a JSON file can hold. */

/**
 * The first value within that JSON cannot hold, and the keys that lead there: functions, big integers,
 * numbers that are not finite, objects of classes, and what contains itself. Undefined fields of an
 * object are as good as absent.
 */
export function firstNotJson(
  value: unknown,
  path: readonly PropertyKey[] = [],
  around: readonly unknown[] = [],
): { readonly path: PropertyKey[]; readonly value: unknown } | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (Number.isFinite(value)) return undefined;
  const isList = Array.isArray(value);
  if (!isList && !isPlain(value) || around.includes(value)) return { path: [...path], value };
  const fields: [PropertyKey, unknown][] = isList
    ? value.map((entry, i) => [i, entry])
    : Object.entries(value).filter(([, field]) => field !== undefined);
  for (const [key, field] of fields) {
    const found = firstNotJson(field, [...path, key], [...around, value]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether it is an object as JSON has them: of no class, so that all of it is in its fields. */
function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
