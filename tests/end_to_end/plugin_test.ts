/** Plugins of third parties, from a folder outside of the repository, as their authors use them. */

import assert from "node:assert/strict";
import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  assertFinished,
  assertRefused,
  complaints,
  outcomeOf,
  ROOT,
  testWithProcesses,
  Workplace,
} from "./command.ts";
import { OPTIONS, PLUGIN } from "./my_plugin.ts";

testWithProcesses(
  "a plugin's model, corpus and router train, and the run is opened again without it being named",
  async () => {
    using place = new Workplace();
    Deno.writeTextFileSync(place.path("mine.ts"), PLUGIN);
    const trained = await place.run("--fresh", "--plugin", "./mine.ts", ...OPTIONS);
    assertFinished(trained);
    const [run] = place.runs();
    const record = JSON.parse(readFileSync(`${run}/run.json`, "utf8"));
    assert.equal(record.config.router.every, 3);
    assert.match(record.config.plugins[0], /^file:.*\/mine\.ts$/);
    assert.deepEqual([record.plugins[0].name, record.plugins[0].sha256.length], ["my-plugin", 64]);
    // Of layers 1 to 3 the first runs, beside layer 0.
    assert.equal(record.final.activeLayers, 2);

    assertFinished(
      await place.runScript(
        "generate",
        "--checkpoint",
        run!,
        "--prompt",
        "one",
        "--max-tokens",
        "4",
      ),
    );
    const questions = ["--tasks", "micro_facts", "--limit", "2", "--out", "answers"];
    assertFinished(await place.runScript("evaluate", "--run", run!, ...questions));

    Deno.renameSync(place.path("mine.ts"), place.path("moved.ts"));
    assertRefused(
      await place.runScript(
        "generate",
        "--checkpoint",
        run!,
        "--prompt",
        "one",
        "--max-tokens",
        "4",
      ),
      /uses the plugin .*mine\.ts, which is not there any more: give it by --plugin FILE/,
    );
    const again = [
      "--checkpoint",
      run!,
      "--plugin",
      "moved.ts",
      "--prompt",
      "one",
      "--max-tokens",
      "4",
    ];
    assertFinished(await place.runScript("generate", ...again));
  },
);

testWithProcesses(
  "a run that was broken off goes on with its plugin, and says when that has changed",
  async () => {
    using place = new Workplace();
    Deno.writeTextFileSync(place.path("mine.ts"), PLUGIN);
    const child = place.start(
      "--fresh",
      "--plugin",
      "./mine.ts",
      ...OPTIONS,
      "--set",
      "steps=100000",
    );
    while (place.runs().length === 0) await new Promise((resolve) => setTimeout(resolve, 100));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    child.kill("SIGINT");
    const { code } = await child.output();
    assert.equal(code, 130);
    // It may have moved, too.
    Deno.removeSync(place.path("mine.ts"));
    Deno.writeTextFileSync(place.path("moved.ts"), `${PLUGIN}\n// A new line.\n`);
    const resumed = place.start("--resume", "auto", "--plugin", "./moved.ts");
    const reader = resumed.stderr.pipeThrough(new TextDecoderStream());
    let said = "";
    for await (const text of reader) {
      said += text;
      if (said.includes("resumed after step")) break;
    }
    resumed.kill("SIGKILL");
    await resumed.stdout.cancel();
    await resumed.status;
    const record = JSON.parse(readFileSync(`${place.runs()[0]}/run.json`, "utf8"));
    assert.match(record.config.plugins[0], /moved\.ts$/);
    assert.match(said, /resumed after step/);
    assert.match(said, /The plugin "my-plugin" has changed since the run in .* began/);
  },
);

testWithProcesses("what a plugin brings is in --help, in the list and in suggestions", async () => {
  using place = new Workplace();
  Deno.writeTextFileSync(place.path("mine.ts"), PLUGIN);
  const plugin = ["--plugin", "./mine.ts"];
  const help = await place.run("--help", ...plugin, "--set", "router.name=every-nth");
  assertFinished(help);
  assert.match(help.stdout, /models: nano, .*my-llama/);
  assert.match(help.stdout, /routers: .*every-nth/);
  assert.match(help.stdout, /router\.every=2\n +runs one in so many; a whole number, at least 1/);
  const list = await place.runScript("list", ...plugin);
  assertFinished(list);
  for (const name of ["my-llama", "every-nth", "my-text", "none"]) {
    assert.match(list.stdout, new RegExp(`^${name} +plugin "my-plugin" \\(\\./mine\\.ts\\)`, "m"));
  }
  const json = await place.runScript("list", "--json", ...plugin);
  const listed: { name: string; options?: Record<string, string> }[] = JSON.parse(json.stdout);
  const router = listed.find(({ name }) => name === "every-nth");
  assert.deepEqual(router?.options, { every: "runs one in so many" });
  Deno.writeTextFileSync(place.path("bare.ts"), `import "some-package";`);
  assertRefused(
    await place.run("--plugin", "bare.ts"),
    /bare\.ts: .*"some-package".*write out what it imports, as in npm:package@1\.2\.3/,
  );
  assertRefused(await place.run(...plugin, "--model", "my-lama"), /did you mean "my-llama"/);
  assertRefused(
    await place.run(...plugin, "--set", "router.name=every-nht"),
    /router "every-nht", did you mean "every-nth"/,
  );
  assertRefused(
    await place.run(...plugin, "--set", "router.name=every-nth", "--set", "router.every=0"),
    /router\.every = 0 from --set: it must be a whole number, at least 1/,
  );
});

testWithProcesses(
  "answers under other sources of a plugin are not taken for those of these",
  async () => {
    using place = new Workplace();
    Deno.writeTextFileSync(place.path("mine.ts"), PLUGIN);
    assertFinished(await place.run("--fresh", "--plugin", "./mine.ts", ...OPTIONS));
    const ask = () =>
      place.runScript(
        "evaluate",
        ...[
          "--run",
          place.runs()[0]!,
          "--tasks",
          "micro_facts",
          "--limit",
          "2",
          "--out",
          "answers",
        ],
      );
    assertFinished(await ask());
    assertFinished(await ask());
    Deno.writeTextFileSync(place.path("mine.ts"), `${PLUGIN}\n// A new line.\n`);
    const changed = await ask();
    assert.equal(changed.code, 2);
    const [note, refusal] = complaints(changed);
    assert.match(note!, /The plugin "my-plugin" has changed since the run in .* began/);
    assert.match(refusal!, /answers holds an evaluation of .*--fresh to replace it/);
  },
);

testWithProcesses("a plugin's model is timed at scoring a task", async () => {
  using place = new Workplace();
  Deno.writeTextFileSync(place.path("mine.ts"), PLUGIN);
  const few = ["--limit", "1", "--rounds", "1", "--num-fewshot", "0", "--threads", "1", "--json"];
  const timed = await place.runScript(
    join("bench", "eval"),
    ...["--plugin", "./mine.ts", "--model", "my-llama", "--task", "micro_facts", ...few],
  );
  assertFinished(timed);
  const names = timed.stdout.trim().split("\n").map((line) => JSON.parse(line).name);
  assert.deepEqual(names, ["dlr", "dlr, nothing shared"]);
});

testWithProcesses("a plugin is loaded from whatever host its address names", async () => {
  using place = new Workplace();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(PLUGIN, { headers: { "content-type": "application/typescript" } }),
  );
  // What is loaded for the first time is noted in the lock file: in a copy, as the address is a new one.
  const lock = place.path("deno.lock");
  copyFileSync(join(ROOT, "deno.lock"), lock);
  const address = `http://127.0.0.1:${server.addr.port}/mine.ts`;
  const config = ["--config", join(ROOT, "deno.json"), "--lock", lock];
  const script = join(ROOT, "scripts", "list.ts");
  const listed = await outcomeOf(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", ...config, "-P", script, "--json", "--plugin", address],
      cwd: place.folder,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1", DENO_DIR: place.path("deno") },
    }).spawn(),
  );
  assertFinished(listed);
  const all: { name: string; from: string }[] = JSON.parse(listed.stdout);
  assert.ok(all.some(({ name, from }) => name === "my-text" && from.includes(address)));
  assert.ok(readFileSync(lock, "utf8").includes(address));
});

testWithProcesses(
  "a sweep gives plugins to its trials, and may be run by a launcher of one",
  async () => {
    using place = new Workplace();
    Deno.writeTextFileSync(place.path("mine.ts"), PLUGIN);
    const sweep = ["--targets", "0.3", "--plugin", "./mine.ts", ...OPTIONS];
    const local = await place.runScript("pareto", "--fresh", ...sweep);
    assertFinished(local);
    const none = ["--launcher", "none", "--out", "other"];
    const unrun = await place.runScript("pareto", ...sweep, ...none);
    assert.equal(unrun.code, 2);
    assert.match(complaints(unrun).at(-1)!, /was not run/);
    Deno.writeTextFileSync(place.path("mine.ts"), `${PLUGIN}\n// A new line.\n`);
    assertRefused(
      await place.runScript("pareto", ...sweep),
      /another state of the plugin "my-plugin", which has changed since: give --fresh/,
    );
  },
);
