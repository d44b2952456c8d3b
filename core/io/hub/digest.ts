/** The checksums by which the hub names contents: SHA-256 of large files, git's own of the rest. */

import { createHash } from "node:crypto";

/** True for a SHA-256 or a SHA-1 in hexadecimal. */
export function isDigest(text: string): boolean {
  return /^(?:[0-9a-f]{64}|[0-9a-f]{40})$/.test(text);
}

const PIECE = 1 << 20;

/**
 * Whether a file has the digest that it should have: its SHA-256 where that has 64 digits, else the
 * SHA-1 of the git object, which is that of `blob`, a space, the size, a zero byte and the contents.
 * Read in pieces, with time for others between them.
 */
export async function hasDigest(path: string, digest: string): Promise<boolean> {
  using file = await Deno.open(path);
  const hash = createHash(digest.length === 64 ? "sha256" : "sha1");
  if (digest.length === 40) hash.update(`blob ${(await file.stat()).size}\0`);
  const piece = new Uint8Array(PIECE);
  for (;;) {
    const read = await file.read(piece);
    if (read === null) return hash.digest("hex") === digest;
    hash.update(piece.subarray(0, read));
  }
}
