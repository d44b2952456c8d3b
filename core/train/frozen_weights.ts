/** Reads a frozen model from its checkpoint into a backend, in the precision that is wanted. */

import { type Backend, type DecoderModel, type DeviceTensor, UserError } from "../contracts/mod.ts";
import { type TensorSource } from "../io/mod.ts";
import { type BasePrecision, blockNames, blockWeights, checkSpecs } from "../nn/mod.ts";
import {
  type BlockFormat,
  bytes,
  emptyBlocks,
  floats,
  quantizeInto,
  sameShape,
  sizeOf,
} from "../tensor/mod.ts";

/** A frozen model's weights, as programs are fed with them. */
export type FrozenWeights = Readonly<Record<string, DeviceTensor>>;

/**
 * Checks that a checkpoint has what a model declares and nothing else, without reading its numbers.
 *
 * @throws {UserError} naming the tensor that is missing, of another shape, or unknown to the model;
 *   or the parameter that the model does not declare as it should.
 */
export function checkWeights(source: TensorSource, model: DecoderModel): void {
  const specs = model.params();
  checkSpecs(specs, `The model "${model.name}"`);
  for (const [name, { shape }] of Object.entries(specs)) {
    const stored = source.tensors.get(name);
    if (!stored) {
      throw new UserError(
        `Cannot use ${source.path}: it has no tensor ${name}, which config.json calls for; ` +
          "check that weights and configuration belong together",
      );
    }
    if (!sameShape(stored.shape, shape)) {
      throw new UserError(
        `Cannot use ${source.path}: tensor ${name} is [${stored.shape}], config.json calls for ` +
          `[${shape}]`,
      );
    }
  }
  for (const name of source.tensors.keys()) {
    if (name in specs || model.redundant?.(name)) continue;
    throw new UserError(
      `Cannot use ${source.path}: it has a tensor ${name}, which this ${model.name} does not; ` +
        "left out, it would change what the model computes: check config.json",
    );
  }
}

/**
 * Reads every parameter of `model`. Tensors go from the file to their place piece by piece: besides
 * what is kept, no more than one piece of one tensor is in memory.
 *
 * @param onTensor is told how many of the tensors are read
 * @throws {UserError} as {@link checkWeights}, or when a tensor holds no floating-point numbers, or
 *   one that is not finite.
 */
export function loadFrozen(
  source: TensorSource,
  model: DecoderModel,
  backend: Backend,
  precision: BasePrecision,
  onTensor: (read: number, total: number) => void = () => {},
): FrozenWeights {
  checkWeights(source, model);
  const specs = Object.entries(model.params());
  const inBlocks = blockWeights(model, precision);
  const frozen: Record<string, DeviceTensor> = {};
  specs.forEach(([name, { shape }], read) => {
    if (inBlocks.has(name)) {
      const blocks = emptyBlocks(precision as BlockFormat, sizeOf(shape));
      streamFinite(source, name, (piece, start) => quantizeInto(blocks, piece, start));
      const { codes, scales } = blockNames(name);
      frozen[codes] = backend.upload(bytes([blocks.codes.length], blocks.codes));
      frozen[scales] = backend.upload(floats([blocks.scales.length], blocks.scales));
    } else {
      const tensor = floats(shape);
      streamFinite(source, name, (piece, start) => tensor.data.set(piece, start));
      for (const copy of copiesOf(name)) checkCopy(source, copy, name, tensor.data);
      frozen[name] = backend.upload(tensor);
    }
    onTensor(read + 1, specs.length);
  });
  return frozen;

  function copiesOf(name: string): string[] {
    return [...source.tensors.keys()].filter((stored) =>
      model.redundant?.(stored)?.copyOf === name
    );
  }
}

function streamFinite(
  source: TensorSource,
  name: string,
  visit: (piece: Float32Array, start: number) => void,
): void {
  source.stream(name, (piece, start) => {
    for (let i = 0; i < piece.length; i++) {
      // Only NaN and infinities differ from zero when taken from themselves.
      if (piece[i]! - piece[i]! === 0) continue;
      throw new UserError(
        `Cannot use ${source.path}: element ${start + i} of tensor ${name} is ${piece[i]}; ` +
          "the checkpoint is damaged or its training diverged: get it again, or use another",
      );
    }
    visit(piece, start);
  });
}

/** A stored copy that differs means that the two are not tied after all. */
function checkCopy(source: TensorSource, copy: string, name: string, values: Float32Array): void {
  source.stream(copy, (piece, start) => {
    const same = start + piece.length <= values.length &&
      piece.every((value, i) => value === values[start + i]);
    if (same) return;
    throw new UserError(
      `Cannot use ${source.path}: ${copy} differs from ${name}, although config.json ties them; ` +
        'set "tie_word_embeddings" to false there',
    );
  });
}
