/**
 * Checkpoints: one folder each, whole or not there at all.
 *
 *   adapter_config.json, adapter_model.safetensors     LoRA, as PEFT reads and writes it
 *   router_config.json, router.safetensors             the router and its calibrated threshold
 *   trainer_state.json, optimizer.safetensors          what a run needs to go on, bit for bit
 *   manifest.json                                      sizes and SHA-256 of the others
 *
 * Random numbers and the order of the data are functions of the seed and the step, so neither has a
 * state to be saved.
 */

import fs from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { UserError } from "../contracts/mod.ts";
import {
  newestWholeFolder,
  openSafetensors,
  readJson,
  removeQuietly,
  verifyFolder,
  writeFileAtomic,
  writeFolderAtomic,
  writeSafetensors,
} from "../io/mod.ts";
import { type LoraOptions, type Weights } from "../nn/mod.ts";
import { type FloatTensor, sameShape } from "../tensor/mod.ts";
import { writeAdapter } from "./adapter_files.ts";
import { type AdamW } from "./optimizer.ts";
import { type Reading } from "../routing/mod.ts";
import { routingParams, type StudentOptions } from "./student.ts";

/** Checkpoints of a run are named by their step. */
const PREFIX = "step-";
const STATE = "trainer_state.json";

/** The best evaluation of a run so far. */
export interface BestEvaluation {
  readonly step: number;
  readonly validationLoss: number;
}

const stateSchema = z.object({
  version: z.literal(1, { error: "this version of the format is not supported" }),
  step: z.int().min(0),
  threshold: z.number(),
  best: z.object({ step: z.int(), validationLoss: z.number() }).nullable(),
  /** Baseline of the policy gradient; absent where there is none. */
  usualCost: z.number().optional(),
});

/** What changes while a run goes on, besides parameters and optimizer. */
export type TrainerState = Omit<z.infer<typeof stateSchema>, "version">;

/** The router part of a checkpoint. */
export interface RouterFile {
  readonly name: string;
  /** Its options, as in the configuration. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly anchorLayers: number;
  readonly reads: Reading;
  readonly bypassRank: number;
  /** A block runs where its logit is above this. */
  readonly threshold: number;
}

/** What a checkpoint is made from. */
export interface CheckpointSource {
  readonly student: StudentOptions & { readonly lora: LoraOptions };
  readonly router?: Omit<RouterFile, "threshold">;
  readonly optimizer: AdamW;
  /** Name or folder of the frozen model. */
  readonly baseModel: string;
}

/** The checkpoints of one run. */
export class CheckpointStore {
  constructor(readonly folder: string, private readonly source: CheckpointSource) {}

  /** The folder of the checkpoint of a step. */
  path(step: number): string {
    return join(this.folder, PREFIX + String(step).padStart(6, "0"));
  }

  /**
   * Writes a checkpoint, notes it as the latest (and perhaps the best) in `index.json`, and removes
   * those that are neither.
   *
   * @throws {UserError} when the disk is full; what was there before is untouched.
   */
  async save(state: TrainerState): Promise<string> {
    const path = this.path(state.step);
    const { student, router, optimizer, baseModel } = this.source;
    await writeFolderAtomic(path, (folder) => {
      writeAdapter(folder, student.model, student.lora, optimizer.params, baseModel);
      if (student.router && router) {
        const own = Object.keys(routingParams(student));
        const file: RouterFile = { ...router, threshold: state.threshold };
        writeFileAtomic(join(folder, "router_config.json"), toJson(file));
        const tensors = own.map((name) => ({ name, tensor: optimizer.params[name]! }));
        writeSafetensors(join(folder, "router.safetensors"), tensors, { format: "pt" });
      }
      writeSafetensors(join(folder, "optimizer.safetensors"), optimizerTensors(optimizer));
      writeFileAtomic(join(folder, STATE), toJson({ version: 1, ...state }));
    });
    this.#tidy(state);
    return path;
  }

  /**
   * Restores parameters and optimizer from the newest whole checkpoint, in place, and removes what
   * an interrupted save left behind.
   *
   * @returns the rest of its state, or undefined where there is no checkpoint yet
   * @throws {UserError} when there are checkpoints but none is whole, or it is of another
   *   configuration.
   */
  restore(): TrainerState | undefined {
    const folder = newestWholeFolder(this.folder, PREFIX, { clean: true });
    if (!folder) {
      // Starting over in silence would throw away the run that these are left of.
      this.#refuseDamaged();
      return undefined;
    }
    const state = this.#read(folder);
    // A run that was killed between a checkpoint and what follows it left that undone.
    this.#tidy(state);
    return state;
  }

  /**
   * Restores parameters and optimizer from one checkpoint, in place.
   *
   * @throws {UserError} when it is damaged or of another configuration.
   */
  restoreFrom(folder: string): TrainerState {
    verifyFolder(folder);
    return this.#read(folder);
  }

  /** Takes over what a whole checkpoint holds. */
  #read(folder: string): TrainerState {
    const path = join(folder, STATE);
    const parsed = stateSchema.safeParse(readJson(path, "the trainer's state"));
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!;
      throw new UserError(`Cannot use ${path}: "${issue.path.join(".")}": ${issue.message}`);
    }
    using file = openSafetensors(join(folder, "optimizer.safetensors"));
    for (const { name, tensor } of optimizerTensors(this.source.optimizer)) {
      const stored = file.read(name);
      if (!sameShape(stored.shape, tensor.shape)) {
        throw new UserError(
          `Cannot resume from ${folder}: ${name} is [${stored.shape}] there and ` +
            `[${tensor.shape}] in this configuration`,
        );
      }
      tensor.data.set(stored.data);
    }
    const { version: _version, ...state } = parsed.data;
    return state;
  }

  /** Fails, saying what is damaged, where there are checkpoints' folders at all. */
  #refuseDamaged(): void {
    if (!fs.existsSync(this.folder)) return;
    const left = fs.readdirSync(this.folder).filter((name) => name.startsWith(PREFIX));
    for (const name of left.sort().reverse()) verifyFolder(join(this.folder, name));
  }

  /** Notes the latest and the best checkpoint in `index.json` and removes all others. */
  #tidy({ step, best }: TrainerState): void {
    const latest = basename(this.path(step));
    const bestOne = best ? basename(this.path(best.step)) : null;
    writeFileAtomic(join(this.folder, "index.json"), toJson({ latest, best: bestOne }));
    for (const { name, isDirectory } of Deno.readDirSync(this.folder)) {
      const stale = name.startsWith(PREFIX) && name !== latest && name !== bestOne;
      if (isDirectory && stale) removeQuietly(join(this.folder, name));
    }
  }
}

/** Parameters in full precision and both averages: all that AdamW needs. */
function optimizerTensors(optimizer: AdamW): { name: string; tensor: FloatTensor }[] {
  const named = (prefix: string, weights: Weights) =>
    Object.entries(weights).map(([name, tensor]) => ({ name: `${prefix}.${name}`, tensor }));
  return [
    ...named("parameter", optimizer.params),
    ...named("first", optimizer.first),
    ...named("second", optimizer.second),
  ];
}

function toJson(value: unknown): string {
  return JSON.stringify(value, null, 2) + "\n";
}
