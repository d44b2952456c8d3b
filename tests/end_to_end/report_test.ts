/** The report in Chromium: seen, heard, worked with keys alone, followed live, and fed by strangers. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { join } from "node:path";
import { continueRun } from "../../core/run/run_folder.ts";
import { readTokenTrace } from "../../core/run/token_trace.ts";
import { watchResults } from "../../core/run/report/watch.ts";
import { Results } from "../core/run/report/support.ts";
import { type Browser, cachedPackage, inBrowser, lacksForBrowser } from "./chromium.ts";
import { assertFinished, assertRefused, testWithProcesses, Workplace } from "./command.ts";

const AXE = "npm:axe-core@4.14.1";
const lacks = () => lacksForBrowser(AXE);

/** What a stranger may have called a run. */
const HOSTILE = `</script><img src=x onerror="window.broken=1">&quot;'`;

/** Results of several kinds, and the report of them. */
async function reported(results: Results): Promise<string> {
  for (let seed = 0; seed < 6; seed++) {
    results.run(`runs/exp10/seed${seed}`, {
      seed,
      loss: 1.05 + seed / 20,
      skipRatio: 0.1 * seed,
      startedAt: `2026-11-2${seed}T10:00:00.000Z`,
    });
  }
  results.run("runs/exp2/cut", { name: "exp2", status: "running" });
  results.run("sweeps/x/trials/target=0.4,seed=0", { name: "exp9", commandLine: HOSTILE });
  results.run("runs/hostile", { name: HOSTILE, model: HOSTILE, loss: 1.01, skipRatio: 0.2 });
  results.write(
    `way,skip_ratio,validation_loss\n"${HOSTILE.replaceAll('"', '""')}",0.6,1.7\n`,
    "t.csv",
  );
  results.write("{", "damaged", "run.json");
  results.tokens(results.path("runs", "exp10", "seed5"), ["A", " red", HOSTILE, ".\n", "End"]);
  const out = results.path("report.html");
  await make(results.root, out);
  return out;
}

async function make(folder: string, out: string): Promise<void> {
  using place = new Workplace();
  assertFinished(
    await place.runScript("report", "--results", folder, "--out", out, "--tokens", "none"),
  );
}

/** Opens a page in several ways: what went wrong, and what axe has to say. */
async function look(
  browser: Browser,
  { file, axe }: { readonly file: string; readonly axe: string },
) {
  const found = [];
  for (const colorScheme of ["light", "dark"] as const) {
    for (const [width, height] of [[1280, 800], [360, 740]] as const) {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme });
      const troubles: string[] = [];
      page.on("pageerror", ({ message }) => troubles.push(message));
      page.on("console", (message) => troubles.push(`${message.type()}: ${message.text()}`));
      page.on("request", (request) => {
        if (!/^(file|data):/.test(request.url())) troubles.push(`asked for ${request.url()}`);
      });
      await page.goto(`file://${file}`);
      await page.evaluate(
        "new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))",
      );
      await page.evaluate(Deno.readTextFileSync(axe));
      type Violations = { id: string; impact: string; nodes: { html: string }[] }[];
      const run = () => page.evaluate<unknown, { violations: Violations }>("axe.run()");
      const { violations } = await run();
      const name = page.locator("#table button.link").first();
      if (await name.isVisible()) {
        await name.press("Enter");
        violations.push(...(await run()).violations);
        await page.keyboard.press("Escape");
      }
      found.push({
        troubles,
        violations: violations.filter(({ impact }) => /serious|critical/.test(impact))
          .map(({ id, nodes }) => `${colorScheme} ${width} ${id}: ${nodes[0]!.html}`),
        tooWide: await page.evaluate<unknown, number>(
          "document.documentElement.scrollWidth - innerWidth",
        ),
        broken: await page.evaluate<unknown, unknown>("window.broken ?? null"),
        images: await page.locator("img").count(),
        text: await page.evaluate<unknown, string>("document.body.innerText"),
      });
      await page.close();
    }
  }
  return found;
}

testWithProcesses(
  "the report is whole, quiet and readable on every screen, whatever it is fed",
  async () => {
    using results = new Results();
    const file = await reported(results);
    const axe = join(cachedPackage(AXE)!, "axe.min.js");
    const found = await inBrowser(results.root, look, { file, axe });
    assert.equal(found.length, 4);
    for (const { troubles, violations, tooWide, broken, images, text } of found) {
      assert.deepEqual(troubles, []);
      assert.deepEqual(violations, []);
      assert.ok(tooWide <= 0, `the page is ${tooWide} px too wide`);
      assert.equal(broken, null);
      assert.equal(images, 0);
      assert.ok(text.includes(HOSTILE), "the text of a stranger is shown as it is");
      assert.match(text, /1 file could not be read/);
      assert.match(text, /killed 100 %/);
    }
  },
  lacks,
);

testWithProcesses("an empty folder makes a page that says what to run", async () => {
  using results = new Results();
  const file = results.path("report.html");
  await make(results.root, file);
  const axe = join(cachedPackage(AXE)!, "axe.min.js");
  for (
    const { troubles, violations, tooWide, text } of await inBrowser(results.root, look, {
      file,
      axe,
    })
  ) {
    assert.deepEqual([troubles, violations], [[], []]);
    assert.ok(tooWide <= 0);
    assert.match(text, /No runs yet[^]*deno task exp10 --fresh/);
    assert.doesNotMatch(text, /Learning curves/);
  }
}, lacks);

/** Does with keys alone what the page is for. */
async function work(browser: Browser, file: string) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const errors: string[] = [];
  page.on("pageerror", ({ message }) => errors.push(message));
  await page.goto(`file://${file}`);
  const { keyboard } = page;
  const text = (selector: string) => page.locator(selector).first().textContent();
  const focused = () =>
    page.evaluate<unknown, string>(
      "document.activeElement.id || document.activeElement.getAttribute('aria-label') || document.activeElement.textContent",
    );
  /** Goes on with Tab until the focus is somewhere. */
  const tabTo = async (wanted: string) => {
    for (let presses = 0; presses < 200; presses++) {
      if ((await focused()).startsWith(wanted)) {
        const outline = await page.evaluate<unknown, string>(
          `(() => {
            const at = document.activeElement;
            const own = getComputedStyle(at).outlineStyle;
            return own !== "none" ? own : getComputedStyle(at.closest(".chip") ?? at).outlineStyle;
          })()`,
        );
        return outline !== "none";
      }
      await keyboard.press("Tab");
    }
    throw new Error(`Tab never comes to ${wanted}`);
  };
  const losses = () => page.locator("#table tbody tr td:nth-of-type(8)").allTextContents();
  const visible: boolean[] = [];

  visible.push(await tabTo("theme"));
  await keyboard.press("Enter");
  await keyboard.press("Enter");
  const theme = await page.evaluate<unknown, string>("document.documentElement.dataset.theme");

  visible.push(await tabTo("filter"));
  await keyboard.type("exp10");
  const filtered = await text("#shown");
  visible.push(await tabTo("Loss"));
  await keyboard.press("Enter");
  const rising = await losses();
  await keyboard.press("Space");
  const falling = await losses();
  const sort = await page.locator('#table th[data-key="loss"]').getAttribute("aria-sort");
  const said = await text("#announce");

  visible.push(await tabTo("Draw exp10, runs/exp10/seed5"));
  const before = await page.locator("#curves-legend li").count();
  await keyboard.press("Space");
  const after = await page.locator("#curves-legend li").count();
  await keyboard.press("Tab");
  await keyboard.press("Enter");
  const details = await text("#details-title");
  await keyboard.press("Escape");
  const closed = !(await page.locator("#details").isVisible());
  const back = await focused();

  visible.push(await tabTo("training loss over"));
  await keyboard.press("Home");
  await keyboard.press("ArrowRight");
  const curve = await text("#panels .plot + p");
  await page.locator("#budget").focus();
  await keyboard.press("Home");
  const least = await text("#best .winner");
  await keyboard.press("End");
  const most = await text("#best");
  await page.locator('input[name="axis"][value="flopsShare"]').focus();
  await keyboard.press("Space");
  const flops = await text("#budget-value");

  await page.locator("#heatmaps .plot").first().focus();
  await keyboard.press("ArrowUp");
  await keyboard.press("ArrowUp");
  const heat = await text("#heatmaps .plot + p");
  visible.push(await tabTo("A, 2 of 6 layers"));
  await keyboard.press("ArrowRight");
  await keyboard.press("ArrowRight");
  await keyboard.press("ArrowLeft");
  const token = await text("#token-info");
  const atToken = await focused();
  await keyboard.press("ArrowDown");
  const below = await focused();
  return {
    ...{ visible, theme, filtered, rising, falling, sort, said, before, after, details, closed },
    ...{ back, curve, least, most, flops, heat, token, atToken, below, errors },
  };
}

testWithProcesses("all that the report is for can be done with keys alone", async () => {
  using results = new Results();
  const file = await reported(results);
  const found = await inBrowser(results.root, work, file);
  assert.deepEqual(found.errors, []);
  assert.ok(found.visible.every(Boolean), `focus is seen: ${found.visible}`);
  assert.equal(found.theme, "dark");
  assert.equal(found.filtered, "6 of 9 runs");
  assert.deepEqual(found.rising, ["1.0500", "1.1000", "1.1500", "1.2000", "1.2500", "1.3000"]);
  assert.deepEqual(found.falling, found.rising.toReversed());
  assert.equal(found.sort, "descending");
  assert.equal(found.said, "sorted by Loss, descending");
  assert.equal(Math.abs(found.after - found.before), 1);
  assert.equal(found.details, "exp10, seed 5");
  assert.ok(found.closed);
  assert.equal(found.back, "exp10");
  assert.match(found.curve, /^step 2: .* seed 0 \d\.\d+$/);
  assert.equal(found.least, "exp10 seed 0");
  assert.match(found.most, /exp10 seed 0 at budget 0\.5loss1\.2500.*skip ratio50\.0 %/);
  assert.match(found.flops, /^at most \d+ % of the FLOPs$/);
  assert.match(found.heat, /^step 20, layer 3: 50\.0 %$/);
  assert.match(
    found.token,
    /^" red"3 of 6 layers, 0\.500 nats for the token after it: "<\/script>/,
  );
  assert.match(found.atToken, /^ red, 3 of 6 layers, loss 0\.50$/);
  assert.match(found.below, /^End, 6 of 6 layers, loss –$/);
}, lacks);

/** Looks on while runs go on: says what it sees by writing files, is told so by files. */
async function follow(browser: Browser, { address, folder }: { address: string; folder: string }) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const errors: string[] = [];
  page.on("pageerror", ({ message }) => errors.push(message));
  await page.goto(address);
  const sees = async (what: string, step: string) => {
    await page.locator(`text=${what}`).first().waitFor();
    Deno.writeTextFileSync(`${folder}/${step}.seen`, "");
  };
  await sees("running 50 %", "running");
  await sees("running 55 %", "growing");
  await sees("1 finished", "finished");
  await sees("waiting for the server", "away");
  await sees("a run that began meanwhile", "back");
  const said = await page.locator("#announce").textContent();
  return { errors, said };
}

testWithProcesses(
  "a live page follows a run to its end, and a server that comes back",
  async () => {
    using results = new Results();
    using seen = new Results();
    const has = async (step: string) => {
      while (!fs.existsSync(seen.path(`${step}.seen`))) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    const folder = results.run("one", { status: "running", steps: 20 });
    const rows = (count: number) =>
      Array.from({ length: count }, (_, i) => `${i + 1},0,${2 - i / 20}\n`).join("");
    const write = (count: number) =>
      Deno.writeTextFileSync(join(folder, "metrics.csv"), `step,epoch,train_loss\n${rows(count)}`);
    write(10);
    const run = continueRun(folder);
    const first = watchResults({ results: results.root, port: 0, interval: 50 });
    const { address } = first;
    const done = inBrowser(seen.root, follow, { address, folder: seen.root });
    const script = async () => {
      await has("running");
      write(11);
      await has("growing");
      run.finish({ loss: 1 });
      run[Symbol.dispose]();
      await has("finished");
      await first[Symbol.asyncDispose]();
      await has("away");
      results.run("two", { name: "a run that began meanwhile", startedAt: "2026-12-01T00:00:00Z" });
      const again = watchResults({ results: results.root, port: Number(new URL(address).port) });
      await has("back");
      return again;
    };
    const [found, again] = await Promise.all([done, script()]);
    await again[Symbol.asyncDispose]();
    assert.deepEqual(found, { errors: [], said: "exp10 seed 0 is now finished" });
  },
  lacks,
);

/** How soon there is something to see, and all of it. */
async function time(browser: Browser, file: string) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`file://${file}`);
  await page.locator("#panels svg").first().waitFor();
  return {
    painted: await page.evaluate<unknown, number>(
      "performance.getEntriesByName('first-contentful-paint')[0].startTime",
    ),
    drawn: await page.evaluate<unknown, number>("performance.now()"),
    rows: await page.locator("#table tbody tr").count(),
  };
}

testWithProcesses("a hundred long runs are a page like any other", async () => {
  using results = new Results();
  for (let seed = 0; seed < 100; seed++) results.run(`runs/${seed}`, { seed, steps: 2000 });
  const file = results.path("report.html");
  await make(results.root, file);
  const { painted, drawn, rows } = await inBrowser(results.root, time, file);
  const megabytes = Deno.statSync(file).size / 1e6;
  console.log(
    `report of 100 runs: ${megabytes.toFixed(1)} MB, first paint after ${painted.toFixed(0)} ms, ` +
      `all drawn after ${drawn.toFixed(0)} ms`,
  );
  assert.equal(rows, 100);
  assert.ok(megabytes < 8, `the file has ${megabytes} MB`);
}, lacks);

testWithProcesses("a report traces the newest routed run, or the one that is named", async () => {
  using place = new Workplace();
  assertFinished(await place.run(...place.tiny(), "--fresh", "--quiet"));
  const { stdout } = await place.runScript("report", "--quiet");
  assert.match(stdout, /^report {3}results.report\.html \(1 runs\)$/m);
  const [folder] = place.runs();
  const { sequences, totalLayers, anchorLayers } = readTokenTrace(folder!);
  assert.ok(sequences.length > 0);
  assert.ok(sequences.every(({ texts }) => texts.length === 16));
  assert.ok(sequences[0]!.gates.every((gates) => gates.length === totalLayers - anchorLayers));
  const page = Deno.readTextFileSync(place.path("results", "report.html"));
  assert.ok(page.includes(JSON.stringify(sequences[0]!.gates)), "the page has the gates");

  Deno.removeSync(join(folder!, "tokens.json"));
  assertFinished(await place.runScript("report", "--tokens", "exp10", "--out", "r.html"));
  assert.equal(readTokenTrace(folder!).totalLayers, totalLayers);
  assertRefused(
    await place.runScript("report", "--tokens", "exp3"),
    /--tokens exp3: results holds no such folder and no finished run/,
  );
});
