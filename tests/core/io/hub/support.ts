/** What the tests of the hub client share: a hub with a cache beside it, and looking at both. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import type { HubOptions, HubSettings } from "../../../../core/io/hub/mod.ts";
import type { HubRequestLog } from "../../../support/hub_faults.ts";
import { HubServer, sha256 } from "../../../support/hub_server.ts";
import { inFolder } from "../support.ts";

/** A hub and an empty cache. */
export interface Place {
  readonly hub: HubServer;
  readonly cache: string;
  readonly settings: HubSettings;
  /** Options under which no try waits and every line is kept. */
  readonly options: HubOptions;
  /** Lines that a user would have seen. */
  readonly notes: string[];
  /** Seconds that would have been waited between tries. */
  readonly pauses: number[];
  /** Requests since the last call, as `GET /path`. */
  requests(): string[];
  /** Requests of bytes since the last call, whichever server they went to. */
  downloads(): HubRequestLog[];
}

/** Runs `body` with a hub, which is stopped afterwards, and a cache, which is removed. */
export function withHub(body: (place: Place) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    await using hub = HubServer.start();
    const cache = join(folder, "hub");
    const settings: HubSettings = { endpoint: hub.endpoint, cache, offline: false };
    const notes: string[] = [];
    const pauses: number[] = [];
    const pause = (seconds: number) => {
      pauses.push(seconds);
      return Promise.resolve();
    };
    const recent = () => hub.requests.splice(0);
    await body({
      hub,
      cache,
      settings,
      notes,
      pauses,
      options: { settings, pause, onNote: (line) => notes.push(line) },
      requests: () => recent().map(({ method, path }) => `${method} ${path}`),
      downloads: () =>
        recent().filter(({ method, path, status }) =>
          method === "GET" && !path.startsWith("/api/") && status !== 302
        ),
    });
  });
}

/** Picks every file. */
export const everything = (files: readonly string[]) => files;

/** Options as {@link Place.options}, with other settings. */
export function withSettings(place: Place, settings: Partial<HubSettings>): HubOptions {
  return { ...place.options, settings: { ...place.settings, ...settings } };
}

/** Options under which the network is not touched. */
export function offline(place: Place): HubOptions {
  return withSettings(place, { offline: true });
}

/** Options for a hub that nobody runs: its port was free a moment ago. */
export function away(place: Place): HubOptions {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return withSettings(place, { endpoint: `http://127.0.0.1:${listener.addr.port}` });
}

/** Bytes without a pattern that would hide a piece in the wrong place. */
export function noise(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0;
  for (let i = 0; i < length; i++) {
    // Numerical Recipes' linear congruential generator; its high bits are the random ones.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Asserts that a file, or bytes, are `expected`; a difference is told by digests, in no time. */
export function assertBytes(actual: string | Uint8Array, expected: Uint8Array): void {
  const bytes = typeof actual === "string" ? fs.readFileSync(actual) : actual;
  assert.equal(bytes.length, expected.length);
  assert.equal(sha256(bytes), sha256(expected));
}

/** Everything below a folder by path: a link as `-> target`, a file as its size. */
export function contents(folder: string): Record<string, string | number> {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry): [string, string | number] => {
      const path = join(entry.parentPath, entry.name);
      const shown = entry.isSymbolicLink() ? `-> ${fs.readlinkSync(path)}` : fs.statSync(path).size;
      return [path.slice(folder.length + 1), shown];
    });
  return Object.fromEntries(entries.sort(([a], [b]) => a < b ? -1 : 1));
}

/** Sets a file's time of modification to one that no write of a test can have. */
export function age(path: string): void {
  fs.utimesSync(path, 1_700_000_000, 1_700_000_000);
}
