/** The projections of a model, and how those that get an adapter are told. */

import { type DecoderModel, UserError } from "../contracts/mod.ts";
import { input, inputsOf, topologicalOrder } from "../graph/mod.ts";
import { inputNodes, ParamNodes } from "./params.ts";

/** The target that means every projection, as PEFT calls it. */
export const ALL_LINEAR = "all-linear";

/** The target that means every projection of attention. */
export const ATTENTION = "attention";

/** Every projection of `model`, by layer. */
export function allProjections(model: DecoderModel): string[] {
  const { numLayers } = model.dims;
  return Array.from({ length: numLayers }, (_, layer) => model.projections(layer)).flat();
}

/**
 * The projections of `model` that `targets` mean: each what a name ends with, from a dot on, such as
 * `q_proj` or `mlp.down_proj`, as PEFT takes it; or {@link ALL_LINEAR} or {@link ATTENTION}, which mean
 * the same in every architecture.
 *
 * @throws {UserError} when a target means none.
 */
export function adaptedProjections(model: DecoderModel, targets: readonly string[]): string[] {
  const all = allProjections(model);
  const meant = targets.map((target) => {
    const named = endingWith(all, target);
    if (named.length > 0) return named;
    if (target === ALL_LINEAR) return all;
    if (target === ATTENTION) return attentionProjections(model);
    throw new UserError(
      `lora.targets has "${target}", which this model does not have; it has ` +
        `${
          lastParts(all).join(", ")
        }; "${ALL_LINEAR}" means all of them, "${ATTENTION}" attention's`,
    );
  });
  const chosen = new Set(meant.flat());
  return all.filter((name) => chosen.has(name));
}

/**
 * `targets` as PEFT knows them: as they are, where all are ends of names, else the last parts of the
 * names that they mean, or the names where these would mean more.
 */
export function namedTargets(model: DecoderModel, targets: readonly string[]): readonly string[] {
  const all = allProjections(model);
  if (targets.every((target) => endingWith(all, target).length > 0)) return targets;
  const names = adaptedProjections(model, targets);
  const short = lastParts(names);
  return adaptedProjections(model, short).length === names.length ? short : names;
}

/** The projections that stand in the same module as those that make keys and values. */
function attentionProjections(model: DecoderModel): string[] {
  const params = new ParamNodes(inputNodes(model.params()));
  const state = input("state", [1, 1, model.dims.hiddenSize]);
  const positions = input("positions", [1, 1], "int32");
  return Array.from({ length: model.dims.numLayers }, (_, layer) => {
    const { keys, values } = model.keysValues(params, layer, state, positions);
    const read = inputsOf(topologicalOrder([keys, values]));
    const all = model.projections(layer);
    const making = all.filter((name) => read.has(`${name}.weight`));
    const modules = new Set(making.map(moduleOf));
    return all.filter((name) => modules.has(moduleOf(name)));
  }).flat();
}

/** Those of `names` that end with `target`, from a dot on. */
function endingWith(names: readonly string[], target: string): string[] {
  return names.filter((name) => `.${name}`.endsWith(`.${target}`));
}

/** `q_proj` of `model.layers.0.self_attn.q_proj` and so on, each once. */
function lastParts(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.slice(name.lastIndexOf(".") + 1)))];
}

/** `model.layers.0.self_attn.q_proj` to `model.layers.0.self_attn`. */
function moduleOf(name: string): string {
  return name.slice(0, name.lastIndexOf("."));
}
