/** Writing a model as an ONNX file. */

import fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { type WeightFormat } from "../contracts/mod.ts";
import { exportModel, mergeAdapters } from "../inference/mod.ts";
import { replaceFile, writeFileAtomic, writeFully } from "../io/mod.ts";
import { sizeOf } from "../tensor/mod.ts";
import { type TrainedModel } from "./trained_model.ts";

/** What was written. */
export interface WrittenModel {
  /** Files, with their sizes in bytes. */
  readonly files: readonly (readonly [path: string, size: number])[];
}

/** Weights from this size on, in bytes, get a file of their own: one ONNX file holds 2 GB. */
const LARGE = 1.5e9;

/**
 * Writes a model.
 *
 * @param out the file to write; with large weights a second one goes beside it, called `<out>.data`
 * @param options.largeFrom bytes of weights from which that is so
 * @throws {UserError} for a model that cannot be exported.
 */
export async function writeModel(
  { model }: Pick<TrainedModel, "model">,
  out: string,
  weightFormat: WeightFormat,
  { largeFrom = LARGE }: { readonly largeFrom?: number } = {},
): Promise<WrittenModel> {
  const merged = await mergeAdapters(model);
  const numbers = Object.values(merged.student.model.params())
    .reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const isLarge = numbers * (weightFormat === "int4" ? 1 : 4) > largeFrom;
  const dataFile = isLarge ? `${basename(out)}.data` : undefined;
  const { bytes, outside } = exportModel(merged, { weightFormat, dataFile });
  const files: [string, number][] = [];
  if (dataFile !== undefined) {
    const path = join(dirname(out), dataFile);
    // The model file names this one, so it is written last and a half-written pair is never there.
    fs.rmSync(out, { force: true });
    const size = writeParts(path, outside);
    files.push([path, size]);
  }
  writeFileAtomic(out, bytes);
  return { files: [[out, bytes.length], ...files] };
}

/** Writes each part at its place. @returns the size of the file */
function writeParts(
  path: string,
  parts: readonly { readonly offset: number; readonly bytes: Uint8Array }[],
): number {
  let end = 0;
  replaceFile(path, (file) => {
    for (const { offset, bytes } of parts) {
      writeFully(file, new Uint8Array(offset - end));
      writeFully(file, bytes);
      end = offset + bytes.length;
    }
  });
  return end;
}
