/**
 * The report of runs that are still going on, in a browser on this machine.
 *
 *   deno task watch
 *   deno task watch --results results --port 8000
 */

import "../core/run/permissions.ts";
import { countFrom, newCommand, readOptions } from "../core/run/command.ts";
import { watchResults } from "../core/run/report/watch.ts";
import { runScript } from "../core/run/script.ts";

const command = newCommand(
  "deno task watch",
  "Serves the report on this machine and follows runs while they train. Ctrl-C ends it.",
)
  .option("--results <DIR>", "folder of results", "results")
  .option("--port <n>", "port to listen on (default: 4747, or a free one)", countFrom(0));

await runScript(async () => {
  await using server = watchResults(readOptions(command));
  console.log(`Watching at ${server.address} (Ctrl-C ends it)`);
  const stopped = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, stopped.resolve);
  }
  await stopped.promise;
});
