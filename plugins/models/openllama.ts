/** OpenLLaMA (Geng and Liu 2023): an open reproduction of Llama, without grouped queries. */
import { type NamedModel } from "../../core/contracts/mod.ts";

export const openllama: Readonly<Record<string, NamedModel>> = {
  openllama3b: {
    description: "OpenLLaMA 3B v2: 26 layers",
    hub: "openlm-research/open_llama_3b_v2",
  },
};
