/** What runs graphs. */

import { type Node } from "../graph/mod.ts";
import { type HostTensor, type TensorType } from "../tensor/mod.ts";

/** Memory that a backend holds; made by {@link Backend.upload}. */
export interface DeviceTensor extends Disposable {
  /** Element type and shape, as those of the tensor that was uploaded. */
  readonly type: TensorType;
}

/** Values for a program's inputs, by name. */
export type Feeds = Readonly<Record<string, HostTensor | DeviceTensor>>;

/** A compiled graph. */
export interface Program<Output extends string = string> extends AsyncDisposable {
  /** The inputs it takes. */
  readonly inputs: ReadonlyMap<string, TensorType>;
  /**
   * Floating-point operations of its matrix products, in one run.
   *
   * @throws {RangeError} where sizes are known at run time only.
   */
  readonly flops: number;
  /**
   * Runs once. Feeds that the program does not know are ignored, so that one set can serve several
   * programs.
   *
   * @throws {TypeError} when an input is missing or of another type.
   */
  run(feeds: Feeds): Promise<Record<Output, HostTensor>>;
  /**
   * As {@link run}, but leaves the outputs that `keep` names on the device, to be fed to other runs
   * without a journey to the host and back. Who asks disposes of them. Absent where host and device
   * share memory.
   */
  runKeeping?(
    feeds: Feeds,
    keep: (output: Output) => boolean,
  ): Promise<Record<Output, HostTensor | DeviceTensor>>;
}

/**
 * How matrices that are part of a program are kept: as they are, as half floats (rounded to nearest,
 * computed with in float32; one with a number beyond 65504 stays as it is), or in blocks of four bits.
 */
export type WeightFormat = "float32" | "float16" | "int4";

/** What a backend may know of a program before it makes it. */
export interface CompileOptions {
  /** It will run a few times only: better soon than fast. */
  readonly fewRuns?: boolean;
  /**
   * Values of inputs that never change. They become part of the program, arranged as suits the device,
   * and are not fed any more; the program keeps a copy of its own.
   */
  readonly constants?: Feeds;
  /**
   * How the matrices among the constants are kept; as they are unless told, or where a backend has no
   * other form.
   */
  readonly weightFormat?: WeightFormat | undefined;
}

/** What a program that leaves the process takes with it. */
export interface ExportOptions {
  /** Values of inputs that become part of it. */
  readonly constants: Feeds;
  /** How the matrices among them are kept. */
  readonly weightFormat: WeightFormat;
  /** The file that large constants go to; absent: into the program's own. */
  readonly dataFile?: string | undefined;
  /** Facts about the program, by name. */
  readonly about: Readonly<Record<string, string>>;
}

/** A program as a file that other software runs. */
export interface ExportedModel {
  /** The program's own file. */
  readonly bytes: Uint8Array;
  /** What belongs into the data file, and where. */
  readonly outside: readonly { readonly offset: number; readonly bytes: Uint8Array }[];
}

/** Turns graphs into programs for one device. */
export interface Backend extends AsyncDisposable {
  /** What messages, and the records of runs, call it. */
  readonly name: string;
  /** What it runs on, for people to read. */
  readonly device?: string;
  /** Whether its programs can leave outputs on the device: all have `runKeeping` then. */
  readonly keepsOutputs?: true;
  /** The forms that it can keep matrices in, besides as they are. */
  readonly weightFormats?: readonly WeightFormat[];
  /** Compiles the graph behind the named outputs. */
  compile<Output extends string>(
    outputs: Readonly<Record<Output, Node>>,
    options?: CompileOptions,
  ): Promise<Program<Output>>;
  /**
   * Makes a tensor ready to be fed to many runs. Where host and device share memory nothing is
   * copied, and later changes of the host's array are seen; do not count on either.
   */
  upload(tensor: HostTensor): DeviceTensor;
  /**
   * The graph behind the named outputs as a file, where the backend has a format for that. Outputs are
   * called as here, and may not have an input's name.
   */
  exportModel?(outputs: Readonly<Record<string, Node>>, options: ExportOptions): ExportedModel;
}

/** Settings of a backend, as in the configuration's `backend` section. */
export interface BackendOptions {
  /** Threads to compute with; 0 takes every core. */
  readonly threads: number;
  /** Name of the hardware provider or adapter within the backend; `"cpu"` unless told. */
  readonly executionProvider: string;
  /** Passed through to the engine. */
  readonly sessionOptions: Readonly<Record<string, unknown>>;
}
