/** From a few choices to a comparison that runs. */

import "../../core/run/permissions.ts";
import { join } from "node:path";
import { UserError } from "../../core/contracts/errors.ts";
import { readOptions } from "../../core/run/command.ts";
import { withPlugins } from "../../core/run/plugins/options.ts";
import { runScript } from "../../core/run/script.ts";
import { type FinishedRuns, type Variant } from "../../core/run/sweep/compare.ts";
import { sweepCommand } from "../../core/run/sweep/command.ts";
import { chosenLauncher } from "../../core/run/sweep/launchers.ts";
import { builtinPlugins } from "../../plugins/mod.ts";

/** What tells one comparison from another. */
export interface ComparisonChoices {
  readonly name: string;
  readonly description: string;
  /** Variants as {@link variant} makes them; the first is what the others are compared with. */
  readonly variants: readonly Variant[];
  readonly seeds: readonly number[];
}

/** A way of training by the experiment that does it. */
export function variant(
  label: string,
  experiment: string,
  choices: Pick<Variant, "settings" | "way"> & { readonly key?: string } = {},
): Variant {
  const { key = experiment, ...others } = choices;
  const script = join(import.meta.dirname!, "..", `${experiment}.ts`);
  return { label, key, script, ...others };
}

/** Setting that a variant needs whose static mask {@link shallower} takes. */
export const FIND_MASK = "evaluation.staticMaskBatches=4";

/**
 * A dense model without the layers that a routed model's best static mask leaves out. The routed
 * model's FLOPs lie between those of the model without the whole mask and without its last layer.
 *
 * @param flops on which side of the routed model's
 * @param dense the experiment that trains it
 * @param routed the variant whose mask it takes; it has to be told to {@link FIND_MASK}
 */
export function shallower(flops: "fewer" | "more", dense: string, routed: string): Variant {
  return variant(`shallower dense, ${flops} FLOPs`, dense, {
    key: `${dense},shallower=${flops}`,
    settings: (finished: FinishedRuns) => {
      const mask = finished(routed).final["staticMask"] as readonly number[] | undefined;
      if (!mask) throw new UserError(`The run of ${routed} has no static mask: set ${FIND_MASK}`);
      const layers = flops === "fewer" ? mask : mask.slice(0, -1);
      return [`router.skipLayers=${layers.join(",")}`];
    },
  });
}

/** Runs a comparison as this process's command line says. */
export async function compare(choices: ComparisonChoices): Promise<void> {
  const { name, description, variants, seeds } = choices;
  await runScript(async () => {
    const { launchers } = await withPlugins(builtinPlugins());
    const out = join("results", "sweeps", name);
    const command = sweepCommand(`deno task ${name}`, description, out, launchers);
    const options = readOptions(command);
    const launcher = chosenLauncher(command, options, launchers);
    const { runComparison } = await import("../../core/run/sweep/compare.ts");
    await runComparison({ variants, yardstick: variants[0]!.key }, { seeds, ...options, launcher });
  });
}
