/** From a few choices to a comparison that runs. */

import "../../core/run/permissions.ts";
import { join } from "node:path";
import { UserError } from "../../core/contracts/errors.ts";
import { readOptions } from "../../core/run/command.ts";
import { runScript } from "../../core/run/script.ts";
import { type FinishedRuns, type Variant } from "../../core/run/sweep/compare.ts";
import { sweepCommand } from "../../core/run/sweep/command.ts";

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

/**
 * A dense model without the `count` layers that a routed model's best static mask leaves out.
 *
 * @param dense the experiment that trains it
 * @param routed the variant whose mask it takes
 */
export function shallower(count: number, dense: string, routed: string): Variant {
  return variant(`shallower dense, ${count} layers fewer`, dense, {
    key: `${dense},fewer=${count}`,
    settings: (finished: FinishedRuns) => {
      const mask = finished(routed).final["staticMask"] as readonly number[] | undefined;
      if (mask) return [`router.skipLayers=${mask.slice(0, count).join(",")}`];
      throw new UserError(
        `A shallower model needs the best static mask of ${routed}: search for it with ` +
          "--set evaluation.staticMaskBatches=4",
      );
    },
  });
}

/** Runs a comparison as this process's command line says. */
export async function compare(choices: ComparisonChoices): Promise<void> {
  const { name, description, variants, seeds } = choices;
  const command = sweepCommand(`deno task ${name}`, description, join("results", "sweeps", name));
  await runScript(async () => {
    const options = readOptions(command);
    const { runComparison } = await import("../../core/run/sweep/compare.ts");
    await runComparison({ variants, yardstick: variants[0]!.key }, { seeds, ...options });
  });
}
