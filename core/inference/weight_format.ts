/** How weights are kept while a model is run. */

import { type Backend, UserError, type WeightFormat } from "../contracts/mod.ts";
import { sizeOf } from "../tensor/mod.ts";
import { type InferenceModel } from "./inference_model.ts";

/**
 * Fails where a backend cannot keep matrices in this form: `compile` would leave them as they are.
 *
 * @throws {UserError} that names the forms that it has.
 */
export function checkWeightFormat(
  { name, weightFormats = [] }: Pick<Backend, "name" | "weightFormats">,
  format: WeightFormat,
): void {
  const forms = ["float32", ...weightFormats.filter((form) => form !== "float32")];
  if (forms.includes(format)) return;
  throw new UserError(
    `The backend ${name} cannot keep matrices in ${format}: take --weights ${
      forms.join(" or ")
    }, or another --backend`,
  );
}

/** Weights up to which a copy of them in each program is worth it. */
const FEW_WEIGHTS = 2 ** 26;

/**
 * Whether writing texts is faster with the weights as part of each program: those in another form have
 * to be, and feeding hundreds of small arrays takes longer than a small model's products.
 */
export function bakesWeights({ student }: InferenceModel, format: WeightFormat): boolean {
  if (format !== "float32") return true;
  const specs = Object.values(student.model.params());
  return specs.reduce((sum, { shape }) => sum + sizeOf(shape), 0) <= FEW_WEIGHTS;
}
