/** Where a result came from: versions, commit and machine, for `run.json`. */

import os from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import project from "../../deno.json" with { type: "json" };

/** Versions of what computed a run. */
export interface Versions {
  readonly dlr: string;
  readonly deno: string;
  readonly onnxruntime: string;
}

/** The machine a run ran on. Nothing here identifies it or its owner. */
export interface Machine {
  readonly os: string;
  readonly arch: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGigabytes: number;
}

/** The versions in use; libraries' as pinned in `deno.json`. */
export function versionsInUse(): Versions {
  const pinned = project.imports["onnxruntime-node"];
  return {
    dlr: project.version,
    deno: Deno.version.deno,
    onnxruntime: pinned.slice(pinned.lastIndexOf("@") + 1),
  };
}

/** The machine this process runs on. */
export function thisMachine(): Machine {
  return {
    os: `${Deno.build.os} ${Deno.osRelease()}`,
    arch: Deno.build.arch,
    processor: os.cpus()[0]?.model ?? "unknown",
    cores: navigator.hardwareConcurrency,
    memoryGigabytes: Math.round(os.totalmem() / 2 ** 30),
  };
}

/**
 * The commit that is checked out in the Git repository around `folder`, or `null` outside one or
 * before its first commit. Reads Git's files, so that no permission to run programs is needed.
 */
export function gitCommit(folder: string): string | null {
  const git = findGitFolder(folder);
  if (git === undefined) return null;
  const head = readLine(join(git, "HEAD"));
  if (head === undefined) return null;
  if (!head.startsWith("ref: ")) return asCommit(head);
  const branch = head.slice("ref: ".length);
  // A worktree keeps its own HEAD, and its branches in the repository that it belongs to.
  const shared = readLine(join(git, "commondir"));
  const common = shared === undefined ? git : isAbsolute(shared) ? shared : join(git, shared);
  return asCommit(readLine(join(common, branch))) ?? packedCommit(common, branch);
}

function findGitFolder(folder: string): string | undefined {
  for (let at = folder;; at = dirname(at)) {
    const candidate = join(at, ".git");
    const found = statOf(candidate);
    if (found?.isDirectory) return candidate;
    if (found?.isFile) {
      const pointer = readLine(candidate)?.match(/^gitdir: (.+)$/)?.[1];
      if (pointer === undefined) return undefined;
      return isAbsolute(pointer) ? pointer : join(at, pointer);
    }
    if (dirname(at) === at) return undefined;
  }
}

function packedCommit(git: string, branch: string): string | null {
  const lines = readText(join(git, "packed-refs"))?.split("\n") ?? [];
  return asCommit(lines.find((line) => line.endsWith(` ${branch}`))?.split(" ")[0]);
}

function asCommit(text: string | undefined): string | null {
  return text !== undefined && /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(text) ? text : null;
}

function readLine(path: string): string | undefined {
  return readText(path)?.split("\n")[0]?.trim();
}

function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}
