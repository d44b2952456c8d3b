/** Runs an exported ONNX file with plain ONNX Runtime, as its users do: nothing of a backend's is used. */

import { type RunExported } from "../../conformance/mod.ts";
import { type HostTensor, type TensorData } from "../../tensor/mod.ts";

/** Values of a file's outputs. Feeds that it does not take are left out. */
export const runExported: RunExported = async (bytes, feeds) => {
  const { InferenceSession, Tensor } = await import("onnxruntime-node");
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
  try {
    const named = Object.entries(feeds).filter(([name]) => session.inputNames.includes(name));
    const results = await session.run(Object.fromEntries(
      named.map(([name, { dtype, shape, data }]) => [
        name,
        new Tensor(dtype, data as Float32Array, shape),
      ]),
    ));
    return Object.fromEntries(
      Object.entries(results).map(([name, { type, dims, data }]): [string, HostTensor] => [
        name,
        { dtype: type as HostTensor["dtype"], shape: dims, data: data as TensorData },
      ]),
    );
  } finally {
    await session.release();
  }
};
