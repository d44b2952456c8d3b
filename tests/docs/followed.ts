/** Pages that are followed word by word: their files are written, their commands are run. */

import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT, testWithProcesses, works } from "../end_to_end/command.ts";
import { blocksIn } from "./blocks.ts";
import { page as pageOf } from "./pages.ts";
import { commandsIn } from "./shell.ts";
import { FOREIGN, NOT_FOLLOWED } from "./untested.ts";
import { missingIn } from "./output.ts";

/** A page that is followed. */
export interface Followed {
  readonly page: string;
  /** Where: in an empty folder beside the clone, or in a copy of the example's own folder. */
  readonly from: "beside" | "example";
}

const tutorial = (name: string): Followed => ({
  page: `docs/tutorials/${name}.md`,
  from: "beside",
});
const example = (name: string): Followed => ({
  page: `examples/${name}/README.md`,
  from: "example",
});

/** The tutorials. */
export const TUTORIALS: readonly Followed[] = [
  "README",
  "model",
  "router",
  "task",
  "corpus",
  "backend",
  "launcher",
].map(tutorial);

/** The example projects. */
export const EXAMPLES: readonly Followed[] = [
  "flexidepth_router",
  "mixture_of_depths",
  "jsonl_task",
].map(example);

/** All pages that are followed. */
export const FOLLOWED: readonly Followed[] = [...TUTORIALS, ...EXAMPLES];

/**
 * What is added to an experiment's command so that it is over in a moment: fewer tokens, fewer
 * evaluations. Everything else is as on the page.
 */
const SHORTER = {
  batchSize: 2,
  sequenceLength: 32,
  "backend.threads": 1,
  "evaluation.every": 10,
  "evaluation.batches": 1,
  "evaluation.finalBatches": 1,
  "evaluation.calibrationBatches": 1,
  "evaluation.staticMaskBatches": 1,
  "evaluation.questions": 4,
  "evaluation.budgets": "0.5",
} as const;

const TRAINS = /\bscripts\/(exp\d+|pareto)\.ts /;

/** What a command is run as. */
export function shortened(command: string): string {
  if (!TRAINS.test(command)) return command;
  const steps = / --steps /.test(command) ? "" : " --steps 5";
  const settings = Object.entries(SHORTER).map(([key, value]) => ` --set ${key}=${value}`);
  return command + steps + settings.join("");
}

const lacksBash = () => works("bash", "-c", "true") ? undefined : "bash";

/** Declares the test that a page can be followed. */
export function testFollowed(followed: Followed): void {
  testWithProcesses(`${followed.page} can be followed word by word`, async () => {
    const place = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "dlr_docs_" }));
    try {
      const { failed, missing, ran } = await follow(followed, place);
      assert.equal(failed.join("\n"), "");
      assert.deepEqual(missing, []);
      assert.ok(ran > 0, "the page has nothing to run");
    } finally {
      Deno.removeSync(place, { recursive: true });
    }
  }, lacksBash);
}

/** What following a page has come to. */
export interface Outcome {
  /** Commands that did not end well, with what they printed. */
  readonly failed: readonly string[];
  /** Lines that a page shows and that were not printed. */
  readonly missing: readonly string[];
  readonly ran: number;
}

/** Follows a page in a folder of its own, which is kept at `place` as long as the caller wants. */
export async function follow({ page, from }: Followed, place: string): Promise<Outcome> {
  const folder = from === "beside" ? beside(place, page) : copied(place, page);
  const failed: string[] = [];
  const missing: string[] = [];
  let [printed, ran]: [string | undefined, number] = [undefined, 0];
  for (const { language, text, file, line } of blocksIn(pageOf(page))) {
    if (file) {
      Deno.writeTextFileSync(join(folder, file.name), text, { append: file.continued });
    } else if (language === "sh") {
      printed = "";
      for (const command of commandsIn(text)) {
        if ([...FOREIGN, ...NOT_FOLLOWED].some(({ commands }) => commands.test(command))) continue;
        const { code, output } = await runIn(folder, shortened(command));
        printed += output;
        ran++;
        if (code !== 0) failed.push(`${page}:${line}: ${command}: exit code ${code}\n${output}`);
      }
    } else if (language === "text" && printed) {
      missing.push(...missingIn(text, printed).map((one) => `${page}:${line}: ${one}`));
      printed = undefined;
    }
  }
  return { failed, missing, ran };
}

/** An empty folder beside the clone, with the project file of the first page. */
function beside(place: string, page: string): string {
  Deno.symlinkSync(ROOT, join(place, "dlr"));
  const folder = join(place, "my-plugin");
  Deno.mkdirSync(folder);
  if (page === FIRST) return folder;
  for (const { file, text } of blocksIn(pageOf(FIRST))) {
    if (file) Deno.writeTextFileSync(join(folder, file.name), text);
  }
  return folder;
}

const FIRST = "docs/tutorials/README.md";

/** A copy of an example's folder, in a clone whose other files are this one's. */
function copied(place: string, page: string): string {
  for (const { name } of Deno.readDirSync(ROOT)) {
    if (name !== "examples" && name !== "results") {
      Deno.symlinkSync(join(ROOT, name), join(place, name));
    }
  }
  const folder = join(place, dirname(page));
  cpSync(join(ROOT, dirname(page)), folder, { recursive: true });
  return folder;
}

async function runIn(folder: string, command: string): Promise<{ code: number; output: string }> {
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", command],
    cwd: folder,
    stdin: "null",
    env: {
      NO_COLOR: "1",
      DENO_NO_UPDATE_CHECK: "1",
      PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
    },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, output: text(stdout) + text(stderr) };
}
