/** What goes wrong on the device, told to whoever gave it the work. */

import { UserError } from "../../../../core/contracts/errors.ts";

/** The device had no memory left for a buffer. */
export class OutOfMemory extends UserError {
  constructor() {
    super(
      "The graphics device has too little memory for this: take a smaller batch or shorter " +
        "sequences, --checkpointing, or --base-precision nf4",
    );
  }
}

/** What an error of WebGPU means to us. */
export function failureOf(error: GPUError): Error {
  if (error instanceof GPUOutOfMemoryError) return new OutOfMemory();
  return new Error(`internal: WebGPU refuses what it was given: ${error.message}`);
}

/**
 * Watches what the device is given between two moments. It tells of its errors later, in events of
 * which nobody knows whose they are: results may be read long before.
 */
export class Watch {
  #isOn = false;

  constructor(private readonly device: GPUDevice) {}

  begin(): void {
    this.device.pushErrorScope("out-of-memory");
    this.device.pushErrorScope("validation");
    this.#isOn = true;
  }

  /**
   * Ends at once, without waiting; where it had not begun nothing has gone wrong.
   *
   * @returns what has gone wrong since it began
   */
  end(): Promise<Error | undefined> {
    if (!this.#isOn) return Promise.resolve(undefined);
    this.#isOn = false;
    const [validation, memory] = [this.device.popErrorScope(), this.device.popErrorScope()];
    return Promise.all([memory, validation]).then((errors) => {
      // What has no memory is invalid too, wherever it is used.
      const [error] = errors.filter((each) => each !== null);
      return error && failureOf(error);
    });
  }
}
