/** Backends of plugins: programs that answer, with what they were asked for, and that can be closed. */

import {
  type Backend,
  type DeviceTensor,
  type ExportedModel,
  type Feeds,
  type OpenBackend,
  PluginFault,
  type Program,
} from "../../../contracts/mod.ts";
import { type Node } from "../../../graph/mod.ts";
import {
  type DType,
  type HostTensor,
  isRuntimeSize,
  sameShape,
  type Shape,
  showType,
  sizeOf,
  type TensorType,
} from "../../../tensor/mod.ts";
import { awaitPlugin, callPlugin, requireFunctions, shown, wrongAnswer } from "./call.ts";
import { membersOf } from "./members.ts";
import { isCount, isText } from "./values.ts";

/** Seconds that parts of a backend's work may take. */
export interface BackendLimits {
  /** Until it is open. */
  readonly opening: number;
  /** Until a program is made, or has run once. */
  readonly program: number;
  /** Until it, or one of its programs, is closed. */
  readonly closing: number;
}

const LIMITS: BackendLimits = { opening: 120, program: 1800, closing: 60 };

/** A backend whose calls are checked. @param owner whose it is, for messages */
export function guardBackend(
  open: OpenBackend,
  name: string,
  owner: string,
  limits: BackendLimits = LIMITS,
): OpenBackend {
  const what = `${owner}: backend "${name}"`;
  return async (options) => {
    const backend = await awaitPlugin(what, () => open(options), limits.opening);
    requireFunctions(`${what}: what it opens`, backend, ["compile", "upload", Symbol.asyncDispose]);
    if (!isText(backend.name)) {
      throw new PluginFault(`${what}: its name is ${shown(backend.name)}; give a text`);
    }
    return guarded(backend, what, limits);
  };
}

function guarded(backend: Backend, what: string, limits: BackendLimits): Backend {
  return membersOf<Backend>({
    name: backend.name,
    device: backend.device,
    keepsOutputs: backend.keepsOutputs,
    weightFormats: backend.weightFormats,
    async compile<Output extends string>(
      outputs: Readonly<Record<Output, Node>>,
      options: Parameters<Backend["compile"]>[1],
    ) {
      const program = await awaitPlugin(
        `${what}.compile`,
        () => backend.compile(outputs, options),
        limits.program,
      );
      return guardedProgram(program, outputs, what, limits);
    },
    upload(tensor) {
      const uploaded = callPlugin(`${what}.upload`, () => backend.upload(tensor));
      checkUploaded(uploaded, tensor, `${what}.upload`);
      return uploaded;
    },
    exportModel: backend.exportModel && ((outputs, options) => {
      const model = callPlugin(
        `${what}.exportModel`,
        () => backend.exportModel!(outputs, options),
      );
      if (isExported(model)) return model;
      throw wrongAnswer(
        `${what}.exportModel`,
        shown(model),
        "{ bytes, outside }, a Uint8Array and a list of { offset, bytes }",
      );
    }),
    [Symbol.asyncDispose]: () =>
      awaitPlugin(
        `${what}[Symbol.asyncDispose]`,
        () => backend[Symbol.asyncDispose](),
        limits.closing,
      ),
  });
}

function guardedProgram<Output extends string>(
  program: Program<Output>,
  outputs: Readonly<Record<Output, Node>>,
  what: string,
  limits: BackendLimits,
): Program<Output> {
  requireFunctions(`${what}: its program`, program, ["run", Symbol.asyncDispose]);
  const inputs = callPlugin(`${what}: its program.inputs`, () => program.inputs);
  if (!(inputs instanceof Map) || !inputs.values().every(isType)) {
    throw new PluginFault(
      `${what}: its program.inputs is ${shown(inputs)}; it should be a Map from names to types`,
    );
  }
  return membersOf<Program<Output>>({
    inputs,
    get flops() {
      return flopsOf(program, `${what}: its program.flops`);
    },
    async run(feeds: Feeds) {
      const result = await awaitPlugin(
        `${what}: its program`,
        () => program.run(feeds),
        limits.program,
      );
      for (const [name, { type }] of Object.entries<Node>(outputs)) {
        checkValue(result?.[name as Output], type, `${what}: its program, output "${name}",`);
      }
      return result;
    },
    runKeeping: program.runKeeping && (async (feeds, keep) => {
      const result = await awaitPlugin(
        `${what}: its program`,
        () => program.runKeeping!(feeds, keep),
        limits.program,
      );
      for (const [name, { type }] of Object.entries<Node>(outputs)) {
        const told = `${what}: its program, output "${name}",`;
        const value = result?.[name as Output];
        if (keep(name as Output)) checkKept(value as DeviceTensor | undefined, type, told);
        else checkValue(value as HostTensor | undefined, type, told);
      }
      return result;
    }),
    [Symbol.asyncDispose]: () =>
      awaitPlugin(
        `${what}: its program[Symbol.asyncDispose]`,
        () => program[Symbol.asyncDispose](),
        limits.closing,
      ),
  });
}

/** @throws {RangeError} where sizes are known at run time only, as the contract says. */
function flopsOf(program: Program, what: string): number {
  const flops = callPlugin(what, () => {
    try {
      return program.flops;
    } catch (error) {
      if (error instanceof RangeError) return error;
      throw error;
    }
  });
  if (flops instanceof RangeError) throw flops;
  if (typeof flops === "number" && flops >= 0) return flops;
  throw new PluginFault(`${what} is ${shown(flops)}; it should be a number of operations`);
}

function checkUploaded(uploaded: DeviceTensor, tensor: HostTensor, what: string): void {
  const type = uploaded?.type;
  if (!isType(type) || type.dtype !== tensor.dtype || !sameShape(type.shape, tensor.shape)) {
    throw wrongAnswer(
      what,
      isType(type) ? showType(type) : shown(uploaded),
      `a tensor of the type ${showType(tensor)}`,
    );
  }
  requireFunctions(`${what}: the tensor`, uploaded, [Symbol.dispose]);
}

function checkKept(kept: DeviceTensor | undefined, type: TensorType, what: string): void {
  const own = kept?.type;
  if (!isType(own) || own.dtype !== type.dtype || !fits(own.shape, type.shape)) {
    throw wrongAnswer(what, isType(own) ? showType(own) : "no tensor", `${showType(type)} to keep`);
  }
  requireFunctions(what, kept!, [Symbol.dispose]);
}

/** What holds the elements of each type. */
const HOLDS: Readonly<Record<DType, readonly (abstract new (...args: never[]) => unknown)[]>> = {
  // Backends that are held against others may calculate in float64.
  float32: [Float32Array, Float64Array],
  int32: [Int32Array],
  uint8: [Uint8Array],
};

function checkValue(value: HostTensor | undefined, type: TensorType, what: string): void {
  if (!isType(value) || value.dtype !== type.dtype || !fits(value.shape, type.shape)) {
    throw wrongAnswer(what, isType(value) ? showType(value) : "nothing", showType(type));
  }
  const { data } = value;
  const size = sizeOf(value.shape);
  if (HOLDS[type.dtype].some((array) => data instanceof array) && data.length === size) return;
  const found = ArrayBuffer.isView(data) || Array.isArray(data)
    ? `${(data as object).constructor.name} of ${data.length}`
    : shown(data);
  throw wrongAnswer(
    `${what} ${showType(value)},`,
    `data that is ${found}`,
    `${HOLDS[type.dtype][0]!.name} of ${size}`,
  );
}

/** Whether a shape is what was promised, as far as that was known before. */
function fits(shape: Shape, promised: Shape): boolean {
  return shape.length === promised.length && shape.every((size) => isCount(size)) &&
    promised.every((size, axis) => isRuntimeSize(size) || size === shape[axis]);
}

function isType(type: Partial<TensorType> | undefined): type is TensorType {
  return typeof type?.dtype === "string" && Object.hasOwn(HOLDS, type.dtype) &&
    Array.isArray(type.shape);
}

function isExported(model: Partial<ExportedModel> | undefined): boolean {
  return model?.bytes instanceof Uint8Array && Array.isArray(model.outside) &&
    model.outside.every((part) => isCount(part?.offset) && part.bytes instanceof Uint8Array);
}
