/** A device with memory of its own, without one: what programs keep is uploaded, and counted. */

import {
  type Backend,
  type CompileOptions,
  type DeviceTensor,
  type Feeds,
  type Program,
} from "../../core/contracts/mod.ts";
import { type Node } from "../../core/graph/mod.ts";
import { type HostTensor } from "../../core/tensor/mod.ts";

/** A backend whose programs keep outputs. */
export interface KeepingBackend extends Backend {
  /** How many tensors there are that nobody has disposed of. */
  readonly held: number;
  /** From here on so many runs that keep outputs succeed, and those after them fail. */
  failAfter(runs: number): void;
}

/** `backend`, as if it had memory of its own. */
export function keepingBackend(backend: Backend): KeepingBackend {
  let held = 0;
  let left = Infinity;
  const upload = (tensor: HostTensor): DeviceTensor => {
    const own = backend.upload({ ...tensor, data: tensor.data.slice() });
    let isThere = true;
    held++;
    return new Proxy(own, {
      get(target, key) {
        if (key !== Symbol.dispose) return Reflect.get(target, key, target);
        return () => {
          if (isThere) held--;
          isThere = false;
          target[Symbol.dispose]();
        };
      },
    });
  };
  return {
    ...backend,
    keepsOutputs: true,
    get held() {
      return held;
    },
    failAfter(runs) {
      left = runs;
    },
    upload,
    async compile<Output extends string>(
      outputs: Readonly<Record<Output, Node>>,
      options?: CompileOptions,
    ): Promise<Program<Output>> {
      const program = await backend.compile(outputs, options);
      return {
        inputs: program.inputs,
        get flops() {
          return program.flops;
        },
        run: (feeds) => program.run(feeds),
        async runKeeping(feeds: Feeds, keep: (output: Output) => boolean) {
          if (left-- <= 0) throw new Error("The device failed");
          const made = await program.run(feeds);
          const names = Object.keys(made) as Output[];
          const given = names.map((name) => [name, keep(name) ? upload(made[name]) : made[name]]);
          return Object.fromEntries(given) as Record<Output, HostTensor | DeviceTensor>;
        },
        [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
      };
    },
  };
}
