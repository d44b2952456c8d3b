/** Qwen2.5 (Yang et al. 2024, arXiv 2412.15115), in four sizes. */
import { type NamedModel } from "../../core/contracts/mod.ts";

export const qwen: Readonly<Record<string, NamedModel>> = {
  "qwen0.5b": { description: "Qwen2.5 0.5B: 24 layers", hub: "Qwen/Qwen2.5-0.5B" },
  "qwen1.5b": { description: "Qwen2.5 1.5B: 28 layers", hub: "Qwen/Qwen2.5-1.5B" },
  "qwen3b": { description: "Qwen2.5 3B: 36 layers", hub: "Qwen/Qwen2.5-3B" },
  "qwen7b": { description: "Qwen2.5 7B: 28 layers", hub: "Qwen/Qwen2.5-7B" },
};
