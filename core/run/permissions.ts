/**
 * Asks for the permissions that an experiment needs, before anything that needs them is loaded.
 *
 * Every script imports this module first, for its effect: `import "../core/run/permissions.ts";`.
 * Under `deno run -P` everything is granted already and nothing happens. Without `-P`, a terminal
 * is asked, each permission with its reason; without a terminal one line gives the right command
 * and the process ends with code 2. `--help` needs no permission, so it is never held up.
 *
 * The module may import nothing that needs a permission itself, and nothing here may be
 * asynchronous: other imports of the script must not start before the answer is there.
 */

/** One permission and the reason for it, as shown to whoever is asked. */
interface Need {
  readonly name: "read" | "write" | "env" | "ffi" | "sys";
  readonly reason: string;
}

const NEEDS: readonly Need[] = [
  { name: "read", reason: "to read the model, the text and the packages it is built with" },
  { name: "write", reason: "to write checkpoints, metrics and figures into the run folder" },
  { name: "env", reason: "for settings of libraries, such as NO_COLOR and cache folders" },
  { name: "ffi", reason: "to load ONNX Runtime, the native library that does the arithmetic" },
  { name: "sys", reason: "to count the processors and record the machine in run.json" },
];

/** `text` as one word of a shell command. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The command that runs this script with the project's own permission set. */
function commandWithPermissions(): string {
  const root = new URL("../../", import.meta.url).href;
  const main = Deno.mainModule;
  const script = main.startsWith(root) ? main.slice(root.length) : main;
  return ["deno", "run", "-P", script, ...Deno.args].map(quoted).join(" ");
}

/** One line on stderr, and the exit code of a mistake that the user can mend. */
function refuse(message: string): never {
  console.error(`error: ${message}`);
  Deno.exit(2);
}

function askForPermissions(): void {
  const asksForHelp = Deno.args.includes("--help") || Deno.args.includes("-h");
  // What plugins bring is part of the help, and they have to be read for it.
  if (asksForHelp && !Deno.args.some((arg) => arg.startsWith("--plugin"))) return;
  const missing = NEEDS.filter(({ name }) =>
    Deno.permissions.querySync({ name }).state !== "granted"
  );
  if (missing.length === 0) return;
  if (!Deno.stdin.isTerminal()) {
    const names = missing.map(({ name }) => name).join(", ");
    refuse(`permission missing (${names}); run it as: ${commandWithPermissions()}`);
  }
  for (const { name, reason } of missing) {
    console.error(`This script asks for "${name}" ${reason}.`);
    if (Deno.permissions.requestSync({ name }).state !== "granted") {
      refuse(`cannot run without "${name}"; to grant all at once: ${commandWithPermissions()}`);
    }
  }
}

askForPermissions();
