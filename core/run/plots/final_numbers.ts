/** The numbers of a finished run as figures read them, from `run.json` of any version. */

import { z } from "zod";
import { type RunRecord } from "../run_record.ts";

// What another version did not write, or wrote otherwise, is absent.
const number = z.number().optional().catch(undefined);
const shares = z.array(z.number()).optional().catch(undefined);

const row = z.object({
  loss: z.number(),
  perplexity: number,
  activeLayers: number,
  flopsPerToken: number,
});

const finalNumbers = z.object({
  loss: number,
  perplexity: number,
  activeLayers: number,
  totalLayers: number,
  skipRatio: number,
  flopsPerToken: number,
  layerActivity: shares,
  activeLayersByKind: z.record(z.string(), z.number()).optional().catch(undefined),
  rows: z.record(z.string(), row).optional().catch(undefined),
  frontier: z.array(z.object({ skipRatio: z.number(), loss: z.number() })).optional()
    .catch(undefined),
});

/** What {@link finalOf} finds; every number may be absent. */
export type FinalNumbers = z.infer<typeof finalNumbers>;

/** The final numbers of a run; none of one that is not finished. */
export function finalOf({ final }: Pick<RunRecord, "final">): FinalNumbers {
  return finalNumbers.parse(final ?? {});
}

const settings = z.object({
  model: z.string().catch("unknown model"),
  data: z.string().catch("unknown data"),
  router: z.object({ anchorLayers: number }).catch({ anchorLayers: undefined }),
  objective: z.object({ targetSkip: number, targetWeight: number })
    .catch({ targetSkip: undefined, targetWeight: undefined }),
});

/** The settings that figures name. */
export type PlotSettings = z.infer<typeof settings>;

/** Settings of a run of any version. */
export function settingsOf({ config }: Pick<RunRecord, "config">): PlotSettings {
  return settings.parse(config);
}
