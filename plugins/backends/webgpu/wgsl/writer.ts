/** Writes one kernel in WGSL. */

import { type DType, isRuntimeSize, type Shape } from "../../../../core/tensor/mod.ts";
import { sizeExpression } from "./sizes.ts";
import { type Value } from "./value.ts";

/** A stretch of a value that a kernel sees as one array. */
export interface BoundPart {
  readonly value: Value;
  /** In elements, where the value is more than one binding may hold. */
  readonly part?: { readonly start: number; readonly count: number };
}

/** A kernel as text, and what it is bound to. */
export interface KernelText {
  readonly code: string;
  /** What follows the sizes among the bindings, in order. */
  readonly bound: readonly BoundPart[];
  /** Named sizes that it reads, in the order in which their slots are handed over. */
  readonly names: readonly string[];
  /** Whether it writes sizes. */
  readonly writesSizes: boolean;
}

/** Invocations of a workgroup where nothing speaks for another number. */
export const WORKGROUP = 256;

/** How many workgroups there may be along an axis: what every device has. */
export const MOST_GROUPS = 65_535;

const ELEMENT: Readonly<Record<DType, string>> = { float32: "f32", int32: "i32", uint8: "u32" };

/** What a WGSL number of this type is called. */
export function elementType(dtype: DType): string {
  return ELEMENT[dtype];
}

/** A float as WGSL writes it; undefined for those that it has no way to write. */
export function floatLiteral(value: number): string | undefined {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded) || Object.is(rounded, -0)) return undefined;
  return rounded < 0 ? `(${rounded}f)` : `${rounded}f`;
}

interface Binding {
  readonly name: string;
  readonly value: Value;
  readonly writes: boolean;
}

/** Text of a kernel in the making. What is written once in a block is not written again in it. */
export class KernelWriter {
  readonly #lines: string[] = [];
  readonly #memos: Map<string, string>[] = [new Map()];
  readonly #bindings = new Map<number, Binding>();
  readonly #names: string[] = [];
  readonly #shared: string[] = [];
  readonly #helpers = new Map<string, string>();
  #count = 0;
  #writesSizes = false;

  /** @param mostBound how many elements one binding may hold */
  constructor(private readonly mostBound: number) {}

  /** Adds a line. */
  line(text: string): void {
    this.#lines.push("  ".repeat(this.#memos.length) + text);
  }

  /** Names the value of an expression. */
  let(expression: string): string {
    if (/^(\w+|\d+u)$/.test(expression)) return expression;
    const name = `v${this.#count++}`;
    this.line(`let ${name} = ${expression};`);
    return name;
  }

  /** Declares a variable. */
  variable(type: string, initial: string): string {
    const name = `v${this.#count++}`;
    this.line(`var ${name}: ${type} = ${initial};`);
    return name;
  }

  /** Writes a block with its own names: `head {` … `}`. */
  block(head: string, body: () => void): void {
    this.line(`${head} {`);
    this.#memos.push(new Map());
    body();
    this.#memos.pop();
    this.line("}");
  }

  /** What `make` wrote for this key, here or in a block around. */
  once(key: string, make: () => string): string {
    for (const memo of this.#memos) {
      const known = memo.get(key);
      if (known !== undefined) return known;
    }
    const made = make();
    this.#memos.at(-1)!.set(key, made);
    return made;
  }

  /** A size as an expression. */
  size(size: number): string {
    return isRuntimeSize(size) ? sizeExpression(size, (name) => this.named(name)) : `${size}u`;
  }

  /** How many elements a shape has, as an expression. */
  count(shape: Shape): string {
    const known = shape.filter((size) => !isRuntimeSize(size)).reduce((a, b) => a * b, 1);
    const others = shape.filter(isRuntimeSize).map((size) => this.size(size));
    const factors = known === 1 && others.length > 0 ? others : [`${known}u`, ...others];
    return factors.length === 1 ? factors[0]! : `(${factors.join(" * ")})`;
  }

  /** The variable that holds a named size. */
  named(name: string): string {
    let at = this.#names.indexOf(name);
    if (at < 0) at = this.#names.push(name) - 1;
    return `n${at}`;
  }

  /** The place among all sizes of a name, as an expression. */
  slot(name: string): string {
    const at = Number(this.named(name).slice(1));
    return `slots[${at >> 2}][${at & 3}]`;
  }

  /** Stores a size. Its own variable keeps the value from before. */
  writeSize(name: string, value: string): void {
    this.#writesSizes = true;
    this.line(`sizes[${this.slot(name)}] = ${value};`);
  }

  /** Does nothing further unless the size of this name is other than 0. */
  guard(name: string): void {
    this.line(`if (${this.named(name)} == 0u) { return; }`);
  }

  /** Memory of a workgroup: `array<f32, 256>`. */
  shared(type: string): string {
    const name = `s${this.#shared.length}`;
    this.#shared.push(`var<workgroup> ${name}: ${type};`);
    return name;
  }

  /** A function of the module, under its name. */
  helper(name: string, text: string): void {
    this.#helpers.set(name, text);
  }

  /** Element `at` of a value. */
  read(value: Value, at: string): string {
    const { name } = this.#bind(value, false);
    if (this.#parts(value) > 1) return `read_${name}(${at})`;
    if (value.type.dtype !== "uint8") return `${name}[${at}]`;
    return `((${name}[${at} >> 2u] >> ((${at} & 3u) * 8u)) & 255u)`;
  }

  /** Sets element `at` of a value; of bytes, four of them as one word. */
  write(value: Value, at: string, element: string): void {
    const { name } = this.#bind(value, true);
    if (this.#parts(value) > 1) this.line(`write_${name}(${at}, ${element});`);
    else this.line(`${name}[${at}] = ${element};`);
  }

  /** Adds to element `at` of a value, which no other invocation may do meanwhile. */
  add(value: Value, at: string, term: string): void {
    const { name } = this.#bind(value, true);
    if (this.#parts(value) > 1) this.line(`add_${name}(${at}, ${term});`);
    else this.line(`${name}[${at}] += ${term};`);
  }

  #bind(value: Value, writes: boolean): Binding {
    let binding = this.#bindings.get(value.id);
    if (!binding) {
      binding = { name: `b${this.#bindings.size}`, value, writes };
      this.#bindings.set(value.id, binding);
    }
    if (binding.writes !== writes) {
      throw new TypeError("internal: a kernel reads and writes one value");
    }
    return binding;
  }

  #parts({ type: { dtype, shape } }: Value): number {
    if (dtype === "uint8" || shape.some(isRuntimeSize)) return 1;
    return Math.ceil(shape.reduce((a, b) => a * b, 1) / this.mostBound) || 1;
  }

  /** @param invocations of a workgroup */
  finish(invocations: number): KernelText {
    const bound: BoundPart[] = [];
    const head: string[] = [];
    let at = 0;
    const declare = (space: string, name: string, type: string) =>
      head.push(`@group(0) @binding(${at++}) var<${space}> ${name}: ${type};`);
    if (this.#names.length > 0) {
      declare(this.#writesSizes ? "storage, read_write" : "storage, read", "sizes", "array<u32>");
      declare("uniform", "slots", `array<vec4<u32>, ${Math.ceil(this.#names.length / 4)}>`);
    }
    for (const { name, value, writes } of this.#bindings.values()) {
      const type = `array<${value.type.dtype === "uint8" ? "u32" : ELEMENT[value.type.dtype]}>`;
      const access = writes ? "storage, read_write" : "storage, read";
      const parts = this.#parts(value);
      if (parts === 1) {
        declare(access, name, type);
        bound.push({ value });
        continue;
      }
      const whole = value.type.shape.reduce((a, b) => a * b, 1);
      for (let part = 0; part < parts; part++) {
        const start = part * this.mostBound;
        declare(access, `${name}_${part}`, type);
        const count = Math.min(this.mostBound, whole - start);
        bound.push({ value, part: { start, count } });
      }
      head.push(partAccess(name, parts, this.mostBound, ELEMENT[value.type.dtype], writes));
    }
    const prelude = this.#names.map((_, i) => `  let n${i} = sizes[slots[${i >> 2}][${i & 3}]];`);
    const code = [
      ...head,
      ...this.#shared,
      ...this.#helpers.values(),
      `@compute @workgroup_size(${invocations})`,
      "fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {",
      ...prelude,
      ...this.#lines,
      "}",
      "",
    ].join("\n");
    return { code, bound, names: [...this.#names], writesSizes: this.#writesSizes };
  }
}

/** Functions that find an element in the right one of several bindings. */
function partAccess(
  name: string,
  parts: number,
  size: number,
  type: string,
  writes: boolean,
): string {
  const access = (head: string, branch: (element: string) => string) => {
    const of = (part: number) => `{ ${branch(`${name}_${part}[at % ${size}u]`)} }`;
    const cases = Array.from({ length: parts - 1 }, (_, part) => `    case ${part}u: ${of(part)}`);
    return [
      `fn ${head} {`,
      `  switch at / ${size}u {`,
      ...cases,
      `    default: ${of(parts - 1)}`,
      "  }",
      "}",
    ].join("\n");
  };
  if (!writes) return access(`read_${name}(at: u32) -> ${type}`, (element) => `return ${element};`);
  const takes = `(at: u32, value: ${type})`;
  return [
    access(`write_${name}${takes}`, (element) => `${element} = value;`),
    access(`add_${name}${takes}`, (element) => `${element} += value;`),
  ].join("\n");
}
