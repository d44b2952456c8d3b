/** Weights in other forms than they were given in. Of what is on the device each is made once. */

import { type Feeds } from "../../../../core/contracts/backend.ts";
import { type HostTensor, sizeOf } from "../../../../core/tensor/mod.ts";
import { quantized, type ToBlocks } from "../lowering/weight_blocks.ts";
import { halved, type ToHalves } from "../lowering/weight_halves.ts";
import { type Gpu } from "./device.ts";
import { GpuTensor } from "./memory.ts";

/** The other forms of weights, which all programs of a device share. */
export class KeptWeights {
  /** In blocks of four bits. */
  readonly blocks: ToBlocks;
  /** As half floats. */
  readonly halves: ToHalves;

  constructor(gpu: Gpu) {
    const upload = (tensor: HostTensor) => GpuTensor.upload(gpu.device, tensor);
    this.blocks = madeOnce(gpu, quantized, ({ codes, scales }) => ({
      codes: upload(codes),
      scales: upload(scales),
    }));
    this.halves = madeOnce(gpu, halved, (form) => form && { words: upload(form.words) });
  }
}

/**
 * Gives tensors in another form.
 *
 * @param make makes it on the host
 * @param upload takes it to the device
 */
function madeOnce<Host extends Form, Form>(
  gpu: Gpu,
  make: (values: Float32Array) => Host,
  upload: (made: Host) => Form,
): (tensor: Feeds[string]) => Promise<Form> {
  const known = new WeakMap<GpuTensor, Promise<Form>>();
  return async (tensor) => {
    // Arrays of the host may be others by the next time.
    if (!(tensor instanceof GpuTensor)) {
      const { data } = tensor as HostTensor;
      return make(data instanceof Float32Array ? data : Float32Array.from(data));
    }
    let form = known.get(tensor);
    if (!form) known.set(tensor, form = numbersOf(gpu, tensor).then(make).then(upload));
    return await form;
  };
}

/** The numbers of a tensor that is on the device. */
async function numbersOf(gpu: Gpu, { buffer, type }: GpuTensor): Promise<Float32Array> {
  const { device, staging } = gpu;
  const copies = [{ from: buffer, offset: 0, bytes: 4 * sizeOf(type.shape) }];
  return new Float32Array(
    await gpu.inTurn(() => staging.read(device.createCommandEncoder(), copies)),
  );
}
