/** Llama 3.1 (Grattafiori et al. 2024, arXiv 2407.21783); its licence is accepted on the hub. */
import { type NamedModel } from "../../core/contracts/mod.ts";

export const llama3: Readonly<Record<string, NamedModel>> = {
  llama8b: {
    description: "Llama 3.1 8B: 32 layers; gated, needs a token",
    hub: "meta-llama/Llama-3.1-8B",
  },
};
