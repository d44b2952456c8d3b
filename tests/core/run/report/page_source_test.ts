/** Runs as the report shows them: whole, half-written, old, damaged, and read again. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { PageSource, pageVersions } from "../../../../core/run/report/page_source.ts";
import { continueRun } from "../../../../core/run/run_folder.ts";
import { Results } from "./support.ts";

Deno.test("a finished run has its numbers, relative to the base model's", () => {
  using results = new Results();
  results.run("runs/exp10/one", { loss: 1.2, skipRatio: 0.4, seed: 3 });
  const [run] = new PageSource(results.root).read().runs;
  assert.equal(run!.id, join("runs", "exp10", "one"));
  const { experiment, model, router, seed, status, loss, skipRatio, seconds } = run!;
  assert.deepEqual({ experiment, model, router, seed, status, loss, skipRatio, seconds }, {
    experiment: "exp10",
    model: "nano",
    router: "token-gumbel",
    seed: 3,
    status: "finished",
    loss: 1.2,
    skipRatio: 0.4,
    seconds: 61,
  });
  assert.equal(run!.flopsShare, 0.8);
  assert.equal(run!.ways.find(({ way }) => way === "base")!.flopsShare, 1);
  assert.deepEqual(run!.budgets.map(({ budget, flopsShare }) => [budget, flopsShare]), [[
    0.5,
    0.76,
  ]]);
  assert.equal(run!.preliminary, false);
  assert.deepEqual(run!.finalActivity, [1, 0.5, 0.25, 0]);
  assert.deepEqual(run!.activity!.layers, [2, 3, 4, 5]);
  assert.deepEqual(run!.activity!.steps, [5, 10, 15, 20]);
});

Deno.test("long curves are thinned, and lines that never move are two points", () => {
  using results = new Results();
  results.run("long", { steps: 5000 });
  const { curves } = new PageSource(results.root).read().runs[0]!;
  const curve = (name: string) => curves.find(({ column }) => column === name)!;
  assert.ok(curve("train_loss").steps.length <= 240);
  assert.equal(curve("train_loss").steps.at(-1), 5000);
  assert.deepEqual(curve("gate_loss").steps, [1, 5000]);
  assert.deepEqual(curve("gate_loss").values, [0, 0]);
  assert.equal(curves.some(({ column }) => column === "epoch"), false);
});

Deno.test("a run in progress shows what it measured last; without a process it was killed", () => {
  using results = new Results();
  const folder = results.run("runs/a", { status: "running" });
  const source = new PageSource(results.root);
  // A line that is being written.
  Deno.writeTextFileSync(join(folder, "metrics.csv"), "21,0,1.9", { append: true });
  {
    using _ = continueRun(folder);
    const [run] = source.read().runs;
    assert.equal(run!.status, "running");
    assert.equal(run!.preliminary, true);
    assert.equal(run!.step, 20);
    assert.equal(run!.loss, 1.05);
    assert.equal(run!.flopsShare, null);
  }
  assert.equal(source.read().runs[0]!.status, "killed");
});

Deno.test("columns of another version are shown by their names, and what it lacks is not there", () => {
  using results = new Results();
  const folder = results.run("old");
  Deno.writeTextFileSync(join(folder, "metrics.csv"), "step,loss\n1,2.5\n2,2.25\n3,2\n");
  Deno.writeTextFileSync(
    join(folder, "run.json"),
    JSON.stringify({
      name: "exp1",
      status: "finished",
      config: {},
      seed: 0,
      startedAt: "2026-01-01T00:00:00Z",
    }),
  );
  const [run] = new PageSource(results.root).read().runs;
  assert.deepEqual(run!.curves, [{ column: "loss", steps: [1, 2, 3], values: [2.5, 2.25, 2] }]);
  const { loss, model, seconds, collapse, finalActivity } = run!;
  assert.deepEqual(
    { loss, model, seconds, collapse, finalActivity },
    { loss: null, model: "", seconds: null, collapse: "", finalActivity: null },
  );
});

Deno.test("what is damaged is named, and the rest is shown", () => {
  using results = new Results();
  results.run("good");
  results.write('{"name": "exp1", "sta', "bad", "run.json");
  const folder = results.run("tokens");
  results.tokens(folder);
  Deno.writeTextFileSync(join(folder, "tokens.json"), '{"anchorLayers": 1}');
  const { runs, rest } = new PageSource(results.root).read();
  assert.deepEqual(runs.map(({ id }) => id).toSorted(), ["good", "tokens"]);
  assert.equal(rest.notes.length, 2);
  assert.match(rest.notes[0]!, /bad.run\.json is damaged/);
  assert.match(rest.notes[1]!, /tokens\.json is damaged: .*remove it/);
});

Deno.test("a folder that is not there is empty", () => {
  const { runs, rest } = new PageSource("/nowhere/at/all").read();
  assert.deepEqual([runs, rest.points, rest.notes], [[], [], []]);
});

Deno.test("rows of tables are points, but for those that are runs in the folder", () => {
  using results = new Results();
  results.run("sweep/trials/a", { loss: 1.2, skipRatio: 0.4 });
  results.write(
    "target_skip,seed,skip_ratio,flops_per_token,validation_loss,perplexity,collapse\n" +
      "0.4,0,0.4,800,1.2,3.3,none\n" +
      "0.6,0,0.62,700,1.5,4.5,none\n" +
      "0.7,0,,,,,\n",
    "sweep",
    "trials.csv",
  );
  results.write("skip_ratio,validation_loss\n0.1,1.05\n", "elsewhere.csv");
  const { points } = new PageSource(results.root).read().rest;
  assert.deepEqual(
    points.map(({ group, label, loss, flopsShare }) => ({ group, label, loss, flopsShare })),
    [
      { group: "the table elsewhere.csv", label: "", loss: 1.05, flopsShare: null },
      {
        group: "nano on microworld, 128 tokens",
        label: "target_skip 0.6, seed 0",
        loss: 1.5,
        flopsShare: 0.7,
      },
    ],
  );
});

Deno.test("scores on tasks are shown without their errors", () => {
  using results = new Results();
  results.write(
    JSON.stringify({
      "model_name": "nano",
      results: {
        "arc": { alias: "arc", "acc,none": 0.5, "acc_stderr,none": 0.1 },
        "gsm8k": { "exact_match,strict-match": 0.25 },
      },
    }),
    "eval",
    "results.json",
  );
  assert.deepEqual(new PageSource(results.root).read().rest.evaluations, [{
    label: "nano",
    folder: "eval",
    scores: [
      { task: "arc", metric: "acc", value: 0.5 },
      { task: "gsm8k", metric: "exact_match (strict-match)", value: 0.25 },
    ],
  }]);
});

Deno.test("versions change with what they stand for, and only then, in another process too", () => {
  using results = new Results();
  const one = results.run("one", { startedAt: "2026-01-01T00:00:00Z" });
  results.run("two", { startedAt: "2026-01-02T00:00:00Z" });
  const source = new PageSource(results.root);
  const versions = () => Object.fromEntries(pageVersions(source.read()).runs);
  const before = versions();
  assert.deepEqual(versions(), before);
  assert.deepEqual(
    Object.fromEntries(pageVersions(new PageSource(results.root).read()).runs),
    before,
  );
  Deno.writeTextFileSync(join(one, "metrics.csv"), "21,0,1.9,,,,,,,,,,,,,,,,,\n", { append: true });
  const after = versions();
  assert.notEqual(after["one"], before["one"]);
  assert.equal(after["two"], before["two"]);
});
