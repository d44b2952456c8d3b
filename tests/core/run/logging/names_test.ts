/** Which loggers a run gets, by its command line, its past and the environment. */

import assert from "node:assert/strict";
import { chooseLogging, loggerNames, loggingArgs } from "../../../../core/run/logging/mod.ts";
import { newCommand, readOptions } from "../../../../core/run/command.ts";
import { logOption, trackingUriOption } from "../../../../core/run/logging/options.ts";
import { userError } from "../../io/support.ts";

const URI = "http://127.0.0.1:5000";

const read = (...args: string[]) =>
  readOptions(newCommand("x", "y").addOption(logOption()).addOption(trackingUriOption()), args);

Deno.test("--log takes a list, is repeated, and asks for nothing by none", async () => {
  assert.deepEqual(loggerNames("mlflow, tensorboard,mlflow"), ["mlflow", "tensorboard"]);
  assert.deepEqual(loggerNames("none"), []);
  assert.deepEqual(read("--log", "tensorboard", "--log", "mlflow").log, ["tensorboard", "mlflow"]);
  assert.deepEqual(read("--log", "none").log, []);
  assert.deepEqual(read(), {});
  await userError(() => read("--log", "none", "--log", "mlflow"), '"none" and others');
  await userError(() => read("--log", "mlflow", "--log", "none"), '"none" and others');
  await userError(() => loggerNames("none,mlflow"), '"none" goes without others');
});

Deno.test("an unknown logger is refused with the nearest name and all that there are", async () => {
  const all = "There are: tensorboard, mlflow, none";
  await userError(() => read("--log", "tensorbord"), 'did you mean "tensorboard"?', all);
  await userError(() => loggerNames("mlflow,wandb"), 'Unknown logger "wandb" (from --log): T', all);
  await userError(() => loggerNames(""), 'Unknown logger ""', all);
});

Deno.test("a continued run logs as before, unless it is told otherwise", () => {
  const earlier = { loggers: ["mlflow"], trackingUri: URI } as const;
  const elsewhere = { MLFLOW_TRACKING_URI: "http://elsewhere" };
  assert.deepEqual(chooseLogging({}, undefined, {}), { loggers: [] });
  assert.deepEqual(chooseLogging({}, earlier, elsewhere), earlier);
  assert.deepEqual(chooseLogging({ log: [] }, earlier, elsewhere), { loggers: [] });
  assert.deepEqual(chooseLogging({ log: ["tensorboard"] }, earlier, {}), {
    loggers: ["tensorboard"],
  });
  assert.deepEqual(chooseLogging({ trackingUri: "http://x" }, earlier, elsewhere), {
    loggers: ["mlflow"],
    trackingUri: "http://x",
  });
});

Deno.test("MLflow needs an address, from the command line or the environment", async () => {
  const log = ["mlflow"] as const;
  assert.equal(chooseLogging({ log, trackingUri: URI }, undefined, {}).trackingUri, URI);
  const environment = { MLFLOW_TRACKING_URI: URI };
  assert.equal(chooseLogging({ log }, undefined, environment).trackingUri, URI);
  for (const nowhere of [{}, { MLFLOW_TRACKING_URI: "" }]) {
    await userError(
      () => chooseLogging({ log }, undefined, nowhere),
      "--tracking-uri http",
      "MLFLOW_TRACKING_URI",
    );
  }
  for (const asked of [{}, { log: ["tensorboard"] as const }]) {
    await userError(
      () => chooseLogging({ ...asked, trackingUri: URI }, undefined, {}),
      "add --log mlflow",
    );
  }
});

Deno.test("what is handed on to another command says the same", () => {
  for (
    const asked of [{}, { log: [] }, { log: ["mlflow", "tensorboard"], trackingUri: URI }] as const
  ) {
    assert.deepEqual(read(...loggingArgs(asked)), asked);
  }
});
