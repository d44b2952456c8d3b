/** Parameters, tags, addresses and credentials. */

import assert from "node:assert/strict";
import {
  mlflowKey,
  paramsOf,
  tagsOf,
} from "../../../../../core/run/logging/mlflow/descriptions.ts";
import { trackingServer } from "../../../../../core/run/logging/mlflow/settings.ts";
import { userError } from "../../../io/support.ts";
import { recordOf } from "../support.ts";

Deno.test("the configuration is flattened; text stays as it is, the rest is JSON", () => {
  const config = { name: "exp10", steps: 3, lora: { targets: ["a", "b"] }, backend: { more: {} } };
  assert.deepEqual(paramsOf(config), [
    { key: "name", value: "exp10" },
    { key: "steps", value: "3" },
    { key: "lora.targets", value: '["a","b"]' },
    { key: "backend.more", value: "{}" },
  ]);
});

Deno.test("what is too long is cut into pieces that give the whole, no character in two", () => {
  const long = "x".repeat(499) + "𝄞".repeat(300);
  const params = paramsOf({ data: long, ["k".repeat(300)]: "y".repeat(501) });
  assert.deepEqual(params.map(({ key }) => key), [
    "data.1",
    "data.2",
    "data.3",
    "k".repeat(248) + ".1",
    "k".repeat(248) + ".2",
  ]);
  assert.equal(params.slice(0, 3).map(({ value }) => value).join(""), long);
  for (const { value } of params) {
    assert.ok(value.length <= 500);
    assert.ok(value.isWellFormed());
  }
});

Deno.test("names hold nothing that MLflow refuses", () => {
  assert.equal(mlflowKey("final/rows/by-token/loss"), "final/rows/by-token/loss");
  assert.equal(mlflowKey("a:b|c=ü"), "a_b_c__");
  assert.equal(mlflowKey("x".repeat(300)).length, 250);
});

Deno.test("tags say who ran what, from which commit", () => {
  const tags = (environment: Record<string, string>, record = recordOf()) =>
    Object.fromEntries(
      tagsOf("/runs/2026-seed0", record, environment).map(({ key, value }) => [key, value]),
    );
  const all = tags({ USER: "ada" });
  assert.equal(all["mlflow.runName"], "2026-seed0");
  assert.equal(all["mlflow.user"], "ada");
  assert.equal(all["mlflow.source.name"], "deno task exp10 --fresh");
  assert.equal(all["mlflow.source.type"], "LOCAL");
  assert.equal(all["mlflow.source.git.commit"], recordOf().commit);
  assert.equal(tags({ USER: "ada", MLFLOW_TRACKING_USERNAME: "eve" })["mlflow.user"], "eve");
  assert.notEqual(tags({})["mlflow.user"], "");
  const elsewhere = tags({}, { ...recordOf(), commit: null, commandLine: "x".repeat(9000) });
  assert.ok(!("mlflow.source.git.commit" in elsewhere));
  assert.equal(elsewhere["mlflow.source.name"]!.length, 5000);
});

Deno.test("credentials are read as MLflow's client reads them", async () => {
  const authorization = (environment: Record<string, string>) =>
    trackingServer("http://127.0.0.1:5000/", environment).authorization;
  const token = { MLFLOW_TRACKING_TOKEN: "abc" };
  const account = { MLFLOW_TRACKING_USERNAME: "ada", MLFLOW_TRACKING_PASSWORD: "pä ss" };
  assert.equal(authorization({}), undefined);
  assert.equal(authorization(token), "Bearer abc");
  assert.equal(authorization(account), "Basic YWRhOnDDpCBzcw==");
  assert.equal(authorization({ ...token, ...account }), "Basic YWRhOnDDpCBzcw==");
  assert.equal(authorization({ ...token, MLFLOW_TRACKING_USERNAME: "ada" }), "Bearer abc");
  await userError(() => authorization({ MLFLOW_TRACKING_TOKEN: "a\nb" }), "MLFLOW_TRACKING_TOKEN");
});

Deno.test("an address is kept without the slash at its end, and with its path", () => {
  const uri = (text: string) => trackingServer(text, {}).uri;
  assert.equal(uri("http://127.0.0.1:5000/"), "http://127.0.0.1:5000");
  assert.equal(uri("https://host/mlflow//"), "https://host/mlflow");
});

for (
  const uri of [
    "",
    "127.0.0.1:5000",
    "file:///tmp/mlruns",
    "sqlite:///x.db",
    "databricks",
    "http://",
  ]
) {
  Deno.test(`the tracking URI "${uri}" is refused`, () =>
    userError(() => trackingServer(uri, {}), JSON.stringify(uri), "http://127.0.0.1:5000"));
}

Deno.test("an address with a password is refused without repeating it", async () => {
  await userError(
    () => trackingServer("http://ada:secret@host:5000", {}),
    /^(?!.*secret).*host:5000.*MLFLOW_TRACKING_PASSWORD/,
  );
});
