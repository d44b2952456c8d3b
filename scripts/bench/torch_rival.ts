/** The same training step in PyTorch, in a process of its own that steps when it is told to. */

import { join } from "node:path";
import { UserError } from "../../core/contracts/mod.ts";

const SCRIPT = join(import.meta.dirname!, "torch_train_step.py");
const NEEDS = "PyTorch's step needs python3 with torch 2.13, transformers and peft";

/** What the process says of one step. */
export interface TorchStep {
  readonly ms: number;
  readonly loss: number;
  /** Most memory that it has held so far, in MB of 10^6 bytes. */
  readonly peakRssMb: number;
}

/** Sizes of the step, as `torch_train_step.py` takes them. */
export interface TorchOptions {
  /** The model's `config.json`, as text. */
  readonly config: string;
  readonly anchor: number;
  readonly batch: number;
  readonly length: number;
  readonly threads: number;
  readonly checkpointing: boolean;
  /** Where PyTorch computes: `cuda`; the processor unless told. */
  readonly device?: string;
}

/** A running `torch_train_step.py`; its header describes the lines that go to and fro. */
export class TorchRival implements AsyncDisposable {
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncIterator<string>;
  /** Version of torch, as the process says. */
  version = "";

  private constructor(private readonly process: Deno.ChildProcess) {
    this.#input = process.stdin.getWriter();
    this.#lines = linesOf(process.stdout);
  }

  /** @throws {UserError} when Python, or a package that the script needs, is not there. */
  static async start(options: TorchOptions): Promise<TorchRival> {
    const args = Object.entries(options).flatMap(([name, value]) =>
      typeof value === "boolean" ? value ? [`--${name}`] : [] : [`--${name}`, String(value)]
    );
    let process: Deno.ChildProcess;
    try {
      process = new Deno.Command("python3", {
        args: [SCRIPT, ...args],
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new UserError(`${NEEDS}; there is no python3 in the search path`);
    }
    const rival = new TorchRival(process);
    const complaint = new Response(process.stderr).text();
    const first = await rival.#lines.next();
    if (first.done) {
      const last = (await complaint).trim().split("\n").at(-1);
      throw new UserError(`${NEEDS}; python3 says: ${last}`);
    }
    rival.version = (JSON.parse(first.value) as { torch: string }).torch;
    return rival;
  }

  /** Takes one step. @throws {Error} when the process has ended. */
  async take(): Promise<TorchStep> {
    await this.#input.write(new TextEncoder().encode("step\n"));
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("torch_train_step.py ended in the middle of a step");
    const answer = JSON.parse(value) as Record<string, number>;
    // The script counts in units of 2^20 bytes.
    const peak = answer["peak_rss_mb"]! * 2 ** 20 / 1e6;
    return { ms: answer["ms"]!, loss: answer["loss"]!, peakRssMb: peak };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close(); // the end of its input ends it
    await this.process.status;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
