/** What all benchmarks measure with: medians, peak memory, and rows for a table or for machines. */

import process from "node:process";
import { formatTable } from "../../core/run/table.ts";

/** One line of a benchmark's answer. */
export interface Measurement {
  readonly name: string;
  /** Median milliseconds of one run. */
  readonly ms: number;
  /** 10^9 floating-point operations of matrix products per second; null where none are counted. */
  readonly gflops: number | null;
  /** `gflops` over the rate of the raw matrix products; null where there is none. */
  readonly fractionOfMatmul: number | null;
  /** Most memory that the process has held so far, in MB of 10^6 bytes. */
  readonly peakRssMb: number;
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Most memory that this process has held so far, in MB of 10^6 bytes. */
export function peakRssMb(): number {
  return process.resourceUsage().maxRSS * 1024 / 1e6;
}

/** Prints measurements: a JSON line each, or one table. */
export function show(measurements: readonly Measurement[], json: boolean): void {
  if (json) {
    for (const { name, ms, gflops, fractionOfMatmul, peakRssMb } of measurements) {
      console.log(JSON.stringify({
        name,
        "ms": rounded(ms),
        "gflops": rounded(gflops),
        "fraction_of_matmul": rounded(fractionOfMatmul),
        "peak_rss_mb": rounded(peakRssMb),
      }));
    }
    return;
  }
  console.log(formatTable(
    [
      { title: "name" },
      { title: "ms", digits: 1 },
      { title: "GFLOP/s", digits: 1 },
      { title: "of matmul", digits: 3 },
      { title: "peak MB", digits: 0 },
    ],
    measurements.map(({ name, ms, gflops, fractionOfMatmul, peakRssMb }) => [
      name,
      ms,
      gflops,
      fractionOfMatmul,
      peakRssMb,
    ]),
  ));
}

function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toFixed(3));
}
