/**
 * A Slurm cluster that is thrown away: munged, a controller and two nodes as processes on this machine,
 * on ports of their own, below one temporary folder. Needs Debian's slurm-wlm and munge, no systemd, and
 * root only for nodes that do not see a folder.
 */

import fs from "node:fs";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { works } from "../../end_to_end/command.ts";
import { until } from "../until.ts";

/** Where Debian has daemons. */
const PATH = `${Deno.env.get("PATH")}:/usr/sbin:/sbin`;

/** Processors and megabytes that each node claims to have, whatever the machine has. */
const CPUS = 2;
const MEMORY = 4000;

/** What is missing on this machine for a cluster; undefined: nothing. */
export function lacksSlurm(): string | undefined {
  const missing = ["sbatch", "slurmctld", "slurmd", "munged", "ps"].filter((name) =>
    !PATH.split(":").some((folder) => fs.existsSync(join(folder, name)))
  );
  return missing.length > 0
    ? `${missing.join(", ")} (Debian: slurm-wlm, munge, procps)`
    : undefined;
}

/** A running cluster with the nodes n1 and n2. Dispose of it to end everything that it started. */
export class SlurmCluster implements AsyncDisposable {
  /** Everything of it, and everything that its jobs should write, is below. */
  readonly folder = fs.realpathSync(Deno.makeTempDirSync({ prefix: "dlr_slurm_" }));
  /** What commands need in their environment. */
  readonly env = { PATH, SLURM_CONF: this.path("slurm.conf") };
  /** A folder in which the nodes see nothing; undefined where they cannot be kept from it. */
  readonly unseen = userInfo().uid === 0 && works("unshare", "--mount", "true")
    ? this.path("unseen")
    : undefined;
  readonly #daemons = new Map<string, Deno.ChildProcess>();

  private constructor() {}

  /** Starts a cluster. */
  static async start(): Promise<SlurmCluster> {
    const cluster = new SlurmCluster();
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      const logs = cluster.#logs();
      await cluster[Symbol.asyncDispose]();
      throw new Error(`the cluster does not start:\n${logs}`, { cause: error });
    }
  }

  /** A path in its folder. */
  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Runs one of Slurm's commands; what it printed. */
  run(command: string, ...args: string[]): string {
    const { stdout } = new Deno.Command(command, { args, env: this.env, stderr: "null" })
      .outputSync();
    return new TextDecoder().decode(stdout).trim();
  }

  async #start(): Promise<void> {
    for (const name of ["state", "n1", "n2", "log", "unseen"]) fs.mkdirSync(this.path(name));
    // munged wants its socket to be reachable for all.
    fs.chmodSync(this.folder, 0o755);
    const key = this.path("munge.key");
    fs.writeFileSync(key, crypto.getRandomValues(new Uint8Array(128)), { mode: 0o400 });
    fs.writeFileSync(this.path("cgroup.conf"), "CgroupPlugin=cgroup/v1\n");
    const address = addressOfThisHost();
    fs.writeFileSync(this.path("slurm.conf"), this.#configuration(address));
    this.#spawn("munged", [
      "munged",
      "--foreground",
      `--key-file=${key}`,
      `--socket=${this.path("munge.socket")}`,
      `--pid-file=${this.path("munged.pid")}`,
      `--seed-file=${this.path("munge.seed")}`,
      `--log-file=${this.path("log", "munged.log")}`,
      "--num-threads=2",
    ]);
    await until("munged listens", () => fs.existsSync(this.path("munge.socket")), 20);
    this.startController();
    this.startNode("n1");
    this.startNode("n2");
    const idle = () => this.run("sinfo", "-h", "-N", "-t", "idle", "-o", "%N").split("\n").length;
    await until("both nodes are idle", () => idle() === 2, 30);
  }

  /** The last lines of all daemons. */
  #logs(): string {
    const folder = this.path("log");
    const tail = (name: string) =>
      fs.readFileSync(join(folder, name), "utf8").split("\n").slice(-8).join("\n");
    return fs.readdirSync(folder).map((name) => `== ${name}\n${tail(name)}`).join("\n");
  }

  /** Starts the controller, with the state that the last one left. */
  startController(): void {
    this.#spawn("slurmctld", ["slurmctld", "-D"]);
  }

  /** Starts a node. */
  startNode(name: string): void {
    const slurmd = ["slurmd", "-D", "-N", name];
    const blind = 'mount -t tmpfs none "$0" && exec "$@"';
    this.#spawn(
      name,
      this.unseen ? ["unshare", "--mount", "sh", "-c", blind, this.unseen, ...slurmd] : slurmd,
    );
  }

  /** Ends a daemon: the controller, or a node's alone, whose jobs do not notice. */
  async end(name: string, signal: Deno.Signal): Promise<void> {
    const daemon = this.#daemons.get(name)!;
    this.#daemons.delete(name);
    killQuietly(daemon.pid, signal);
    await daemon.status;
  }

  /** Ends a node with all that runs on it, as when it loses its power. */
  async powerLoss(node: string): Promise<void> {
    await this.end(node, "SIGKILL");
    const jobs = processes(`SLURM_CONF=${this.env.SLURM_CONF}`, `SLURMD_NODENAME=${node}`);
    const parents = new Set(jobs.map(({ parent }) => parent));
    const steps = this.#processes().filter(({ pid, command }) =>
      parents.has(pid) && command.startsWith("slurmstepd")
    );
    for (const { pid } of [...steps, ...jobs]) killQuietly(pid);
  }

  /** Experiments that run on the nodes now, by a word of their command line. */
  experiments(word: string): number[] {
    return this.#processes().filter(({ command }) =>
      /\/exp\d+\.ts /.test(command) && command.includes(word)
    ).map(({ pid }) => pid);
  }

  #spawn(name: string, [command, ...args]: readonly string[]): void {
    const log = this.path("log", `${name}.out`);
    // A shell, as Deno cannot write a child's output to a file by itself.
    const child = new Deno.Command("sh", {
      args: ["-c", 'exec "$@" >>"$0" 2>&1', log, command!, ...args],
      stdin: "null",
      env: this.env,
    }).spawn();
    this.#daemons.set(name, child);
  }

  /** All processes that were started for this cluster: their environment tells. */
  #processes(): Process[] {
    return processes(`SLURM_CONF=${this.env.SLURM_CONF}`);
  }

  #configuration(address: string): string {
    const [controller, n1, n2] = freePorts(3);
    const user = userInfo().username;
    return `ClusterName=test
SlurmctldHost=${hostname()}(${address})
SlurmctldPort=${controller}
AuthType=auth/munge
AuthInfo=socket=${this.path("munge.socket")},cred_expire=5
CredType=cred/munge
SlurmUser=${user}
SlurmdUser=${user}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=${this.path("state")}
SlurmdSpoolDir=${this.folder}/%n
SlurmctldPidFile=${this.path("slurmctld.pid")}
SlurmdPidFile=${this.folder}/slurmd-%n.pid
SlurmctldLogFile=${this.path("log", "slurmctld.log")}
SlurmdLogFile=${this.folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=10
InactiveLimit=0
KillWait=3
MinJobAge=3600
MaxArraySize=10001
MaxJobCount=20000
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
NodeName=DEFAULT CPUs=${CPUS} RealMemory=${MEMORY}
NodeName=n1 NodeHostname=${hostname()} NodeAddr=${address} Port=${n1}
NodeName=n2 NodeHostname=${hostname()} NodeAddr=${address} Port=${n2}
PartitionName=main Nodes=n1,n2 Default=YES DefMemPerCPU=500 MaxTime=INFINITE State=UP
`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#daemons.has("slurmctld")) this.run("timeout", "5", "scancel", "--me");
    for (const name of [...this.#daemons.keys()].reverse()) await this.end(name, "SIGKILL");
    for (const { pid } of this.#processes()) killQuietly(pid);
    await until("its jobs are gone", () => this.#processes().length === 0, 10);
    fs.rmSync(this.folder, { recursive: true });
  }
}

function killQuietly(pid: number, signal: Deno.Signal = "SIGKILL"): void {
  try {
    Deno.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

/** Processes with all of these in their environment. By other programs, as Deno keeps off `/proc`. */
function processes(...variables: readonly string[]): Process[] {
  const read = (command: string, ...args: readonly string[]) => {
    const { stdout } = new Deno.Command(command, { args: [...args], stderr: "null" }).outputSync();
    return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
  };
  const search = 'grep -slaF -- "$0" /proc/[0-9]*/environ';
  const [pids = [], ...others] = variables.map((variable) =>
    read("sh", "-c", search, variable).map((path) => path.split("/")[2]!)
  );
  const all = pids.filter((pid) => others.every((other) => other.includes(pid)));
  if (all.length === 0) return [];
  return read("ps", "-ww", "-o", "pid=,ppid=,stat=,args=", "-p", all.join()).flatMap((line) => {
    const [, pid, parent, stat = "", command = ""] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(
      line,
    )!;
    return stat.startsWith("Z") ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
  });
}

/** Slurm binds to what the name of the host stands for. */
function addressOfThisHost(): string {
  const { stdout } = new Deno.Command("getent", { args: ["ahostsv4", hostname()] }).outputSync();
  return new TextDecoder().decode(stdout).split(/\s/)[0] || "127.0.0.1";
}

function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  const ports = listeners.map(({ addr }) => (addr as Deno.NetAddr).port);
  for (const listener of listeners) listener.close();
  return ports;
}
