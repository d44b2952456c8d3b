/** Continuing texts from the command line: with nano, with a run that was just trained, or not. */

import assert from "node:assert/strict";
import { assertFinished, assertRefused, testWithProcesses, Workplace } from "./command.ts";

/** Runs the script and gives what it wrote. */
async function written(place: Workplace, ...args: string[]): Promise<string> {
  const outcome = await place.runScript("generate", ...args);
  assertFinished(outcome);
  return outcome.stdout;
}

const NANO = ["--model", "nano", "--max-tokens", "12"];
const TOM = ["--prompt", "Tom went"];

testWithProcesses("nano goes on from a prompt, greedily the same each time", async () => {
  using place = new Workplace();
  const outcome = await place.runScript("generate", ...NANO, ...TOM);
  assertFinished(outcome);
  assert.match(outcome.stdout, /^Tom went \w.*\n$/);
  assert.match(outcome.stderr, /^12 tokens, \d+\.\d tokens\/s after the first$/m);
  const quiet = await place.runScript("generate", ...NANO, ...TOM, "--quiet");
  assert.equal(quiet.stdout, outcome.stdout);
  assert.doesNotMatch(quiet.stderr, /tokens/);
});

testWithProcesses("several prompts are continued as each alone", async () => {
  using place = new Workplace();
  const mia = ["--prompt", "Mia has a red ball."];
  const [one, two] = [await written(place, ...NANO, ...TOM), await written(place, ...NANO, ...mia)];
  assert.equal(await written(place, ...NANO, ...TOM, ...mia), `${one}\n${two}`);
});

testWithProcesses("drawn texts repeat with their seed, and another seed draws others", async () => {
  using place = new Workplace();
  const drawn = (seed: string) =>
    written(place, ...NANO, ...TOM, "--temperature", "1.5", "--top-p", "0.95", "--seed", seed);
  const [first, again, other] = [await drawn("3"), await drawn("3"), await drawn("4")];
  assert.equal(again, first);
  assert.notEqual(other, first);
  // Of the likeliest tokens only, it is greedy whatever the temperature.
  const narrow = ["--temperature", "1", "--top-p", "0.000001"];
  assert.equal(
    await written(place, ...NANO, ...TOM, ...narrow),
    await written(place, ...NANO, ...TOM),
  );
});

testWithProcesses("what cannot be written is refused in one line", async () => {
  using place = new Workplace();
  const refused = async (says: RegExp, ...args: string[]) =>
    assertRefused(await place.runScript("generate", ...args), says);
  const nano = ["--model", "nano"];
  await refused(/Give a text to continue: --prompt/, ...nano);
  await refused(/--checkpoint.*--model/, ...TOM);
  await refused(/not both/, ...nano, "--checkpoint", "exp10", ...TOM);
  await refused(/--depth is about a trained run/, ...nano, ...TOM, "--depth", "routed");
  await refused(/--budget is about a trained run/, ...nano, ...TOM, "--budget", "0.5");
  await refused(/"nope"/, "--checkpoint", "nope", ...TOM);
  await refused(/model is no run folder/, "--checkpoint", "model", ...TOM);
  await refused(/"nanno".*did you mean "nano"/, "--model", "nanno", ...TOM);
  const warm = ["--temperature", "0.5"];
  await refused(/--speculate.*leave out --temperature/, ...nano, ...TOM, "--speculate", ...warm);
  await refused(/--speculate.*router.*--checkpoint/, ...nano, ...TOM, "--speculate");
  await refused(/--top-p 0 leaves no token/, ...nano, ...TOM, "--top-p", "0");
  await refused(/--top-p.*from 0 to 1/, ...nano, ...TOM, "--top-p", "1.1");
  await refused(/--temperature.*from 0 to/, ...nano, ...TOM, "--temperature=-1");
  await refused(/--max-tokens.*whole number from 1/, ...nano, ...TOM, "--max-tokens", "0");
  await refused(/--weights.*int4/, ...nano, ...TOM, "--weights", "int3");
  await refused(/backend onnx cannot.*float16/, ...nano, ...TOM, "--weights", "float16");
  await refused(
    /"Tom went" has 3 tokens; with --max-tokens 511 .* the 512 of this model/,
    ...[...nano, ...TOM, "--max-tokens", "511"],
  );
  const long = "Tom went to the river. ".repeat(200);
  await refused(
    /"Tom went to the river\. Tom wen…" has \d{4} tokens; with --max-tokens 64 .* the 512/,
    ...[...nano, "--prompt", long],
  );
});

testWithProcesses(
  "a run that was just trained writes, routed, at full depth and speculating",
  async () => {
    using place = new Workplace();
    const skips = ["--set", "router.initialBias=0", "--set", "objective.targetSkip=0.5"];
    assertFinished(await place.run("--fresh", ...place.tiny(), ...skips, "--quiet"));
    const exp10 = ["--checkpoint", "exp10", "--max-tokens", "20", "--prompt", "the cat saw"];

    const routed = await place.runScript("generate", ...exp10);
    assertFinished(routed);
    assert.match(routed.stdout, /^the cat saw/);
    const [, layers] = /, (\d\.\d\d) of 3 layers a token$/m.exec(routed.stderr)!;
    assert.ok(Number(layers) >= 1 && Number(layers) < 3, `${layers} layers`);

    const shown = await written(place, ...exp10, "--show-depth");
    assert.match(shown, /[₁₂₃]/);
    assert.equal(shown.replaceAll(/[₁₂₃]/g, ""), routed.stdout, "the same text between its depths");

    const full = await place.runScript("generate", ...exp10, "--depth", "fullDepth");
    assertFinished(full);
    assert.doesNotMatch(full.stderr, /layers a token/);
    const speculated = await place.runScript("generate", ...exp10, "--speculate", "--draft", "3");
    assert.equal(speculated.stdout, full.stdout);
    assert.match(speculated.stderr, /\d+ of \d+ drafted tokens accepted/);

    const whole = await place.runScript("generate", ...exp10, "--budget", "0");
    assert.equal(whole.stdout, full.stdout, "at a budget of 0 nothing is skipped");
    assert.match(whole.stderr, /, 3\.00 of 3 layers a token$/m);
  },
);

testWithProcesses("a run whose base is in four bits, of either format, writes texts", async () => {
  using place = new Workplace();
  for (const precision of ["int4", "nf4"]) {
    const few = ["--steps", "2", "--set", "evaluation.questions=0", "--quiet"];
    const trained = ["--base-precision", precision, "--out", precision, ...few];
    assertFinished(await place.runScript("exp10", "--model", "nano", ...trained));
    const outcome = await place.runScript("generate", "--checkpoint", precision, ...TOM);
    assertFinished(outcome);
    assert.match(outcome.stdout, /^Tom went \w/);
  }
});
