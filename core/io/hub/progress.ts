/** How far the files of a download are, added up. */

import type { RemoteFile } from "./remote.ts";

/** Where a download is. */
export interface HubProgress {
  /** The file that got further last. */
  readonly file: string;
  /** Bytes that are here, of all files of the download, with those of an earlier try. */
  readonly receivedBytes: number;
  /** Bytes of all files of the download; those of unknown size are added as they come. */
  readonly totalBytes: number;
  /** Files that are whole. */
  readonly filesDone: number;
  /** Files of the download; what was in the cache before is none of them. */
  readonly files: number;
}

/** Adds up what the transfers of a download report. */
export class ProgressSum {
  readonly #onProgress: (progress: HubProgress) => void;
  /** By file: its size, and what is here of it. */
  readonly #files: Map<string, { size: number; here: number }>;
  #receivedBytes = 0;
  #totalBytes = 0;
  #filesDone = 0;

  constructor(files: readonly RemoteFile[], onProgress: (progress: HubProgress) => void) {
    this.#onProgress = onProgress;
    this.#files = new Map(files.map(({ path, size = 0 }) => [path, { size, here: 0 }]));
    for (const { size = 0 } of files) this.#totalBytes += size;
  }

  /** `bytes` of a file are here; fewer than before when it is fetched anew. */
  received(path: string, bytes: number): void {
    const file = this.#files.get(path)!;
    this.#receivedBytes += bytes - file.here;
    file.here = bytes;
    if (bytes > file.size) {
      this.#totalBytes += bytes - file.size;
      file.size = bytes;
    }
    this.#onProgress({
      file: path,
      receivedBytes: this.#receivedBytes,
      totalBytes: this.#totalBytes,
      filesDone: this.#filesDone,
      files: this.#files.size,
    });
  }

  /** A file is whole. */
  done(path: string): void {
    this.#filesDone++;
    this.received(path, this.#files.get(path)!.size);
  }
}
