/** One trained run for an analysis: there already, or trained now. */

import { UserError } from "../../contracts/errors.ts";
import { seedsOf, type SweepOptions } from "./command.ts";
import { failureIn, removeFolder, runTold, seedTrial } from "./study.ts";

/** What to train. */
export interface TrainedRunRequest extends Pick<SweepOptions, "fresh" | "out" | "quiet" | "seeds"> {
  readonly name: string;
  /** Path of the experiment's script. */
  readonly script: string;
  readonly args: readonly string[];
}

/**
 * The folder of a finished run of an experiment with these options.
 *
 * @throws {UserError} when it cannot be trained.
 */
export async function trainedRun(request: TrainedRunRequest): Promise<string> {
  const { name, script, args, fresh, out, quiet } = request;
  if (fresh) removeFolder(out);
  const trial = seedTrial(name, seedsOf(request)[0]!, script, args, request);
  const [outcome] = await runTold([trial], { jobs: 1, quiet, out });
  if (outcome && "record" in outcome) return outcome.trial.folder;
  throw new UserError(`${name} cannot be trained: ${failureIn([outcome!])}`);
}
