/** Backends of plugins: programs that answer, with what they were asked for. */

import {
  type Backend,
  type Feeds,
  type OpenBackend,
  type Program,
} from "../../../contracts/mod.ts";
import { type Node } from "../../../graph/mod.ts";
import { isRuntimeSize, type Shape, showType } from "../../../tensor/mod.ts";
import { answered, callPlugin, PluginFault, wrongAnswer } from "./call.ts";

/** Seconds that a backend may take to open. */
const OPENING_LIMIT = 120;

/** Seconds that one program may take to be made, or to run once. */
const PROGRAM_LIMIT = 1800;

/** A backend whose calls are checked. @param owner whose it is, for messages */
export function guardBackend(open: OpenBackend, name: string, owner: string): OpenBackend {
  const what = `${owner}: backend "${name}"`;
  return async (options) => {
    const backend = await answered((async () => await open(options))(), what, OPENING_LIMIT);
    for (const method of ["compile", "upload"] as const) {
      if (typeof backend?.[method] === "function") continue;
      throw new PluginFault(`${what}: what it opens has no function "${method}"`);
    }
    return guarded(backend, what);
  };
}

function guarded(backend: Backend, what: string): Backend {
  return {
    name: backend.name,
    async compile<Output extends string>(
      outputs: Readonly<Record<Output, Node>>,
      options: Parameters<Backend["compile"]>[1],
    ) {
      const program = await answered(
        (async () => await backend.compile(outputs, options))(),
        `${what}.compile`,
        PROGRAM_LIMIT,
      );
      return guardedProgram(program, outputs, what);
    },
    upload: (tensor) => callPlugin(`${what}.upload`, () => backend.upload(tensor)),
    ...(backend.exportModel === undefined ? {} : {
      exportModel: (outputs, options) =>
        callPlugin(`${what}.exportModel`, () => backend.exportModel!(outputs, options)),
    } satisfies Partial<Backend>),
    [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
  };
}

function guardedProgram<Output extends string>(
  program: Program<Output>,
  outputs: Readonly<Record<Output, Node>>,
  what: string,
): Program<Output> {
  return {
    get inputs() {
      return program.inputs;
    },
    get flops() {
      return program.flops;
    },
    async run(feeds: Feeds) {
      const result = await answered(
        (async () => await program.run(feeds))(),
        `${what}: its program`,
        PROGRAM_LIMIT,
      );
      for (const [name, { type }] of Object.entries<Node>(outputs)) {
        const value = result?.[name as Output];
        if (value?.dtype === type.dtype && fits(value.shape, type.shape)) continue;
        const returned = value ? showType(value) : "nothing";
        throw wrongAnswer(`${what}: its program, output "${name}",`, returned, showType(type));
      }
      return result;
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** Whether a shape is what was promised, as far as that was known before. */
function fits(shape: Shape, promised: Shape): boolean {
  return shape.length === promised.length &&
    promised.every((size, axis) => isRuntimeSize(size) || size === shape[axis]);
}
