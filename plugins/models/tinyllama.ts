/** TinyLlama (Zhang et al. 2024, arXiv 2401.02385): a Llama of 1.1 billion parameters. */
import { type NamedModel } from "../../core/contracts/mod.ts";

export const tinyllama: Readonly<Record<string, NamedModel>> = {
  tinyllama: {
    description: "TinyLlama 1.1B Chat v1.0: 22 layers",
    hub: "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
  },
};
