/** From a list of experiments to an evaluation of what they trained. */

import "../../core/run/permissions.ts";
import { type Candidate } from "../../core/run/evaluation/command.ts";
import { readOptions } from "../../core/run/command.ts";
import { taskCommand } from "../../core/run/evaluation/options.ts";
import { withPlugins } from "../../core/run/plugins/options.ts";
import { runScript } from "../../core/run/script.ts";
import { builtinPlugins } from "../../plugins/mod.ts";

/** What tells one evaluation from another. */
export interface EvaluationChoices {
  readonly name: string;
  readonly description: string;
  /** Rows of the table, by the experiments whose newest finished runs they are. */
  readonly models: readonly (Candidate & { readonly run: string })[];
}

/** An experiment's model at full depth. */
export function dense(label: string, run: string) {
  return { label, run, depth: "fullDepth" } as const;
}

/** An experiment's model as its router runs it. */
export function routed(label: string, run: string) {
  return { label, run, depth: "routed" } as const;
}

/** Runs an evaluation as this process's command line says. */
export async function evaluation({ name, description, models }: EvaluationChoices): Promise<void> {
  const command = taskCommand(`deno task ${name}`, description);
  await runScript(async () => {
    const options = readOptions(command);
    const { evaluateModels } = await import("../../core/run/evaluation/command.ts");
    await evaluateModels(models, await withPlugins(builtinPlugins()), options, name);
  });
}
