/** Adapters as part of the weights that they are beside: the same model, in fewer products. */

import { type Feeds } from "../contracts/mod.ts";
import { add, input, matmul, type Node } from "../graph/mod.ts";
import { adaptedProjections, loraNames } from "../nn/mod.ts";
import { type InferenceModel } from "./inference_model.ts";

/**
 * The same model with its adapters merged into its weights, W + (alpha / rank) B A (Hu et al. 2021,
 * arXiv 2106.09685, section 4.1). It holds copies of the adapted weights, on the backend's device where
 * that keeps them. A base model and one whose
 * weights are in blocks of four bits come back as they are.
 */
export async function mergeAdapters(own: InferenceModel): Promise<InferenceModel> {
  const { model, lora, basePrecision = "float32" } = own.student;
  if (!lora || own.depth === "base" || basePrecision !== "float32") return own;
  const specs = model.params();
  const weights: Record<string, Feeds[string]> = { ...own.weights };
  for (const name of adaptedProjections(model, lora.targets)) {
    const weight = `${name}.weight`;
    const { a, b } = loraNames(name);
    const [out, inner] = specs[weight]!.shape as [number, number];
    const product: Node = matmul(input(b, [out, lora.rank]), input(a, [lora.rank, inner]), {
      alpha: lora.alpha / lora.rank,
    });
    await using program = await own.backend.compile(
      { merged: add(input(weight, [out, inner]), product) },
      { fewRuns: true },
    );
    // They are fed to every pass: where a device keeps outputs they stay there.
    const { merged } = program.runKeeping
      ? await program.runKeeping(weights, () => true)
      : await program.run(weights);
    weights[weight] = merged;
    delete weights[a];
    delete weights[b];
  }
  const { lora: _, ...student } = own.student;
  return { ...own, student, weights };
}
