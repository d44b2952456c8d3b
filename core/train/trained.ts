/** What training leaves behind, read back for evaluation: adapters, router, threshold. */

import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../contracts/mod.ts";
import { openSafetensors, readJson, verifyFolder } from "../io/mod.ts";
import { type Weights } from "../nn/mod.ts";
import { sameShape } from "../tensor/mod.ts";
import { readAdapter } from "./adapter_files.ts";
import { routingParams, type StudentOptions } from "./student.ts";

/** Trained weights and where the router was calibrated to work. */
export interface Trained {
  readonly weights: Weights;
  /** A block runs where its logit is above this. */
  readonly threshold: number;
}

/**
 * Reads a checkpoint's adapter and router.
 *
 * @throws {UserError} when a file is missing or damaged, or does not fit the student.
 */
export function readTrained(folder: string, student: StudentOptions): Trained {
  verifyFolder(folder);
  const adapter = readAdapter(folder, student.model);
  if (!student.router) return { weights: adapter.weights, threshold: 0 };
  const path = join(folder, "router_config.json");
  const parsed = z.object({ threshold: z.number() }).safeParse(readJson(path, "the router's file"));
  if (!parsed.success) {
    throw new UserError(`Cannot use ${path}: "threshold": ${parsed.error.issues[0]!.message}`);
  }
  using file = openSafetensors(join(folder, "router.safetensors"));
  const weights = Object.entries(routingParams(student)).map(([name, { shape }]) => {
    const tensor = file.read(name);
    if (sameShape(tensor.shape, shape)) return [name, tensor] as const;
    throw new UserError(
      `Cannot use ${file.path}: ${name} is [${tensor.shape}], this router needs [${shape}]`,
    );
  });
  return {
    weights: { ...adapter.weights, ...Object.fromEntries(weights) },
    threshold: parsed.data.threshold,
  };
}
