/** One trained run for an analysis: there already, or trained now. */

import { join } from "node:path";
import { UserError } from "../../contracts/errors.ts";
import { type SweepOptions } from "./command.ts";
import { runTrials } from "./runner.ts";
import { removeFolder, tell, tellRetry } from "./sweep.ts";

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
  const { name, script, args, out, seeds = [0] } = request;
  if (request.fresh) removeFolder(out);
  const seed = seeds[0] ?? 0;
  const [outcome] = await runTrials([{
    name: `${name} seed=${seed}`,
    script,
    folder: join(out, "trials", `${name},seed=${seed}`),
    args: [...args, "--set", `seed=${seed}`],
  }], { jobs: 1, ...(request.quiet ? {} : { onEnd: tell, onRetry: tellRetry }) });
  if (outcome && "record" in outcome) return outcome.trial.folder;
  throw new UserError(`${name} cannot be trained: ${outcome?.failure}`);
}
