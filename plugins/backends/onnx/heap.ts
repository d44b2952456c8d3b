/** Keeping freed memory for what comes next. */

/** Options of glibc's `mallopt`, from its `malloc.h`. */
const M_TRIM_THRESHOLD = -1;
const M_MMAP_MAX = -4;

let asked = false;

/**
 * Has glibc keep large freed blocks instead of giving them back to the system and asking for them
 * again: logits are some 60 MB a copy, and fetching fresh pages for each of them takes 2 to 20% of a
 * step. Without an arena of its own, ONNX Runtime then shares one heap among all programs, so that
 * what one has freed serves the next. Elsewhere than on Linux with glibc nothing happens.
 */
export function keepFreedMemory(): void {
  if (asked || Deno.build.os !== "linux") return;
  asked = true;
  try {
    const libc = Deno.dlopen("libc.so.6", {
      mallopt: { parameters: ["i32", "i32"], result: "i32" },
    });
    libc.symbols.mallopt(M_MMAP_MAX, 0);
    libc.symbols.mallopt(M_TRIM_THRESHOLD, 2 ** 31 - 1);
    libc.close();
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    // Another C library.
  }
}
