/** The launcher slurm: what it asks for, what it reads, and what it makes of odd answers. */

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  checkSlurmOptions,
  secondsOf,
  slurmOptions,
} from "../../../plugins/launchers/slurm/options.ts";
import { isOver, isStuck, parseQueue } from "../../../plugins/launchers/slurm/queue.ts";
import { batchScript } from "../../../plugins/launchers/slurm/script.ts";
import { type FakeExperiment, withFake } from "../../core/run/sweep/fake_trials.ts";
import { userError } from "../../core/io/support.ts";
import {
  assertRefused,
  type Outcome,
  outcomeOf,
  ROOT,
  testWithProcesses,
} from "../../end_to_end/command.ts";
import { type FakeBehaviour, FakeSlurm } from "../../support/slurm/fake_slurm.ts";

Deno.test("times are read as sbatch reads them", () => {
  const times = { "60": 3600, "1:30": 90, "4:00:00": 14400, "1-2": 93600, "1-0:30": 88200 };
  for (const [text, seconds] of Object.entries(times)) assert.equal(secondsOf(text), seconds, text);
  assert.equal(secondsOf("1-00:00:05"), 86405);
  assert.equal(secondsOf("UNLIMITED"), undefined);
});

Deno.test("a warning that would come at once is refused", async () => {
  await userError(
    () => checkSlurmOptions(slurmOptions.parse({ time: "2", signalDelay: 120 })),
    "--time 2 is no longer than --signal-delay 120",
  );
  checkSlurmOptions(slurmOptions.parse({ time: "3", signalDelay: 120 }));
});

Deno.test("the script asks for what was given, in folders of any name", () => {
  const options = slurmOptions.parse({
    partition: "gpu",
    gres: "gpu:1",
    time: "4:00:00",
    cpusPerTask: 8,
    arrayLimit: 8,
    setup: ["module load cuda"],
    sbatch: ["--nice=100"],
  });
  const path = '/scratch/my "best" 100% it\'s';
  const job = { sweep: { path, id: "a-1" }, folder: `${path}/submissions/1`, id: "1", trials: 20 };
  const lines = batchScript(job, options).split("\n");
  const asked = lines.filter((line) => line.startsWith("#SBATCH ")).map((line) => line.slice(8));
  assert.deepEqual(asked, [
    "--job-name=dlr-a-1",
    "--comment=1",
    "--array=0-19%8",
    '--output="/scratch/my \\"best\\" 100%% it\'s/submissions/1/%a.log"',
    "--open-mode=append",
    "--partition=gpu",
    "--gres=gpu:1",
    "--time=4:00:00",
    "--cpus-per-task=8",
    "--signal=B:USR2@120",
    "--requeue",
    "--nice=100",
  ]);
  assert.ok(lines.includes(`sweep='/scratch/my "best" 100% it'\\''s'`));
  assert.ok(lines.indexOf("module load cuda") > lines.findIndex((line) => line.startsWith("exec")));
});

Deno.test("the queue is read by task, whatever stands in a reason", () => {
  const queue = parseQueue(
    "7|0|RUNNING|n1|sub1|None\n7|1|PENDING||sub1|launch failed requeued held\n" +
      "8|0|FAILED|n2|sub2|odd|reason\n9|N/A|RUNNING|n1|(null)|None\n",
  );
  assert.deepEqual([...queue.keys()], ["7_0", "7_1", "8_0"]);
  assert.equal(queue.get("8_0")!.reason, "odd|reason");
  assert.deepEqual([...queue.values()].map(isOver), [false, false, true]);
  assert.deepEqual([...queue.values()].map(isStuck), [false, true, false]);
});

/** Drives trials with fake commands. */
async function driven(
  fake: FakeExperiment,
  behaviour: FakeBehaviour,
  names: readonly string[],
): Promise<{ outcome: Outcome; slurm: FakeSlurm; ends: Record<string, string>[] }> {
  const slurm = new FakeSlurm(join(fake.folder, "bin"), behaviour);
  const trials = names.map((name) => ({ name, script: fake.script, args: ["--set", "x=1"] }));
  writeFileSync(join(fake.folder, "trials.json"), JSON.stringify(trials));
  const outcome = await drive(fake, slurm.env);
  const ends = outcome.stdout.split("\n").filter((line) => line !== "")
    .map((line) => JSON.parse(line));
  return { outcome, slurm, ends };
}

function drive(fake: FakeExperiment, env: Record<string, string>): Promise<Outcome> {
  const script = join(ROOT, "tests", "support", "slurm", "drive.ts");
  const config = ["--quiet", "--config", join(ROOT, "deno.json"), "-P=test"];
  const options = JSON.stringify({ pollSeconds: 0.2, mem: "200M" });
  return outcomeOf(
    new Deno.Command(Deno.execPath(), {
      args: ["run", ...config, script, "sweep", "slurm", options, "trials.json"],
      cwd: fake.folder,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1", ...env },
    }).spawn(),
  );
}

function test(name: string, body: (fake: FakeExperiment) => Promise<void>): void {
  testWithProcesses(name, () => withFake(body));
}

test("--dry-run prints the script, without Slurm, and touches nothing", async (fake) => {
  const kept = join(fake.folder, "sweep", "trials");
  Deno.mkdirSync(kept, { recursive: true });
  const words = "--model qwen3b --launcher slurm --partition gpu --gres gpu:1 --time 4:00:00 " +
    "--array-limit 8 --dry-run --fresh --out sweep";
  for (const [script, last] of [["pareto", 6], ["exp30", 5], ["exp31", 5], ["compare", 29]]) {
    const config = ["--quiet", "--config", join(ROOT, "deno.json"), "-P"];
    const outcome = await outcomeOf(
      new Deno.Command(Deno.execPath(), {
        args: ["run", ...config, join(ROOT, "scripts", `${script}.ts`), ...words.split(" ")],
        cwd: fake.folder,
        stdout: "piped",
        stderr: "piped",
        env: { PATH: "/nowhere" },
      }).spawn(),
    );
    assert.equal(outcome.code, 0, outcome.stderr);
    assert.match(outcome.stdout, /^#!\/bin\/bash\n#SBATCH /);
    assert.ok(outcome.stdout.includes(`#SBATCH --array=0-${last}%8\n`), outcome.stdout);
  }
  assert.deepEqual(readdirSync(join(fake.folder, "sweep")), ["trials"]);
});

test("without sbatch it says where to go", async (fake) => {
  writeFileSync(join(fake.folder, "trials.json"), "[]");
  assertRefused(await drive(fake, { PATH: "/nowhere" }), /no sbatch on this machine: .*login node/);
});

test("arrays are no larger than Slurm allows, and have dense indexes", async (fake) => {
  const names = ["a", "b", "c", "d", "e", "f", "g"];
  const { slurm, ends } = await driven(fake, { FAKE_STATE: "RUN" }, names);
  assert.deepEqual(ends, names.map((name) => ({ name, kept: false })));
  assert.equal(slurm.calls("sbatch").length, 3);
  assert.deepEqual(fake.started, names);
  const submissions = join(fake.folder, "sweep", "submissions");
  const arrays = readdirSync(submissions).sort().map((id) =>
    /--array=(\S+)/.exec(readFileSync(join(submissions, id, "script.sh"), "utf8"))![1]
  );
  assert.deepEqual(arrays, ["0-2", "0-2", "0-0"]);

  // Once more: nothing is submitted.
  assert.equal((await drive(fake, slurm.env)).code, 0);
  assert.equal(slurm.calls("sbatch").length, 3);
});

test("while the controller is away nothing is submitted", async (fake) => {
  const { outcome, slurm } = await driven(fake, { FAKE_STATE: "RUN", FAKE_AWAY: "3" }, ["a"]);
  assert.match(outcome.stderr, /out of reach .*connect failure.*nothing is changed[\s\S]*is back/);
  const commands = slurm.calls().map((line) => line.split(" ")[0]);
  assert.deepEqual(commands.slice(0, 4), ["squeue", "squeue", "squeue", "squeue"]);
  assert.equal(commands.filter((name) => name === "sbatch").length, 1);
});

test("a job whose answer was lost is found again, not submitted twice", async (fake) => {
  const { slurm, ends } = await driven(fake, { FAKE_STATE: "RUN", FAKE_LOST: "yes" }, ["a", "b"]);
  assert.deepEqual(ends, [{ name: "a", kept: false }, { name: "b", kept: false }]);
  assert.equal(slurm.calls("sbatch").length, 1);
});

test("what Slurm could not start is released once, and then counts as failed", async (fake) => {
  const held = { FAKE_STATE: "PENDING", FAKE_REASON: "launch failed requeued held" };
  const { slurm, ends } = await driven(fake, held, ["a"]);
  assert.match(ends[0]!["failure"]!, /Slurm could not start job 2_0 twice/);
  const told = slurm.calls("scontrol release").concat(slurm.calls("scancel"));
  assert.deepEqual(told, [
    "scontrol release 1_0",
    "scontrol release 2_0",
    "scancel 1_0",
    "scancel 2_0",
  ]);
});

/** Ends of tasks without a result, and what is said of them. */
const ENDS: readonly [name: string, behaviour: FakeBehaviour, says: RegExp][] = [
  [
    "killed for memory by the kernel",
    { FAKE_STATE: "OUT_OF_MEMORY", FAKE_JOB: "ExitCode=0:125 TRES=cpu=1,mem=200M", FAKE_LOG: "x" },
    /job 2_0 on n1 was killed for memory: it had taken more than all of the 200M .*--mem/,
  ],
  [
    "killed for memory by Slurm",
    {
      FAKE_STATE: "FAILED",
      FAKE_JOB: "ExitCode=0:9",
      FAKE_LOG: "error: StepId=4.batch exceeded memory limit (323682304 > 209715200), being killed",
    },
    /killed for memory: it had taken 309 MB of the 200 MB that it was given/,
  ],
  [
    "out of time",
    { FAKE_STATE: "TIMEOUT", FAKE_JOB: "ExitCode=0:15 TimeLimit=00:01:00", FAKE_LOG: "x" },
    /time limit of 00:01:00 before it had saved: .*--signal-delay/,
  ],
  [
    "killed by somebody",
    { FAKE_STATE: "FAILED", FAKE_JOB: "ExitCode=0:9", FAKE_LOG: "x", FAKE_REASON: "Odd" },
    /ended as FAILED, signal 9 \(Odd\)/,
  ],
];

for (const [name, behaviour, says] of ENDS) {
  test(`a task that is ${name} is tried twice and explained`, async (fake) => {
    const { slurm, ends } = await driven(fake, behaviour, ["a"]);
    assert.match(ends[0]!["failure"]!, says);
    assert.equal(slurm.calls("sbatch").length, 2);
    assert.ok(!existsSync(join(fake.folder, "sweep", "trials", "a", "run.json")));
  });
}

test("a node that fails is not the trial's fault", async (fake) => {
  const slurm = new FakeSlurm(join(fake.folder, "bin"), { FAKE_STATE: "NODE_FAIL" });
  const trials = [{ name: "a", script: fake.script, args: ["--set", "x=1"] }];
  writeFileSync(join(fake.folder, "trials.json"), JSON.stringify(trials));
  const ended = drive(fake, { ...slurm.env, FAKE_JOB: "ExitCode=0:0" });
  const { until } = await import("../../support/until.ts");
  await until("it is submitted for the fourth time", () => slurm.calls("sbatch").length >= 4);
  // The next node does its work.
  const bin = join(fake.folder, "bin", "sbatch");
  const mended = readFileSync(bin, "utf8").replace("state=$FAKE_STATE", "state=RUN");
  // By a rename: it may be running just now.
  writeFileSync(`${bin}.new`, mended, { mode: 0o755 });
  renameSync(`${bin}.new`, bin);
  const outcome = await ended;
  assert.equal(outcome.stdout.trim(), JSON.stringify({ name: "a", kept: false }));
  assert.ok(!existsSync(join(fake.folder, "sweep", "trials", "a", "failures")));
});
