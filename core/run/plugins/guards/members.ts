/** Rebuilding an object of a contract, so that no member of it is forgotten. */

/** Every member of `T`; those that may be absent are named too, as undefined where they are. */
export type Members<T> = {
  readonly [Key in keyof Required<T>]: Key extends OptionalKey<T> ? Required<T>[Key] | undefined
    : Required<T>[Key];
};

type OptionalKey<T> = {
  [Key in keyof T]-?: Record<never, never> extends Pick<T, Key> ? Key : never;
}[keyof T];

/**
 * An object of a contract out of all its members. A contract that gains a member, optional or not, makes
 * every call for it a type error until the member is named there; otherwise plugins alone would lose it.
 */
export function membersOf<T extends object>(members: Members<T>): T {
  return withoutUndefined(members) as unknown as T;
}

/** The same object, without the members that are undefined; getters are left alone. */
export function withoutUndefined<T extends object>(object: T): T {
  for (const key of Reflect.ownKeys(object)) {
    const member = Reflect.getOwnPropertyDescriptor(object, key)!;
    if ("value" in member && member.value === undefined) Reflect.deleteProperty(object, key);
  }
  return object;
}
