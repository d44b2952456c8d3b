/** Tutorials and the READMEs of examples, followed word by word in a fresh folder. */

import assert from "node:assert/strict";
import { testWithProcesses, works } from "../end_to_end/command.ts";
import { follow, FOLLOWED, shortened } from "./followed.ts";

const lacksBash = () => works("bash", "-c", "true") ? undefined : "bash";

for (const followed of FOLLOWED) {
  testWithProcesses(`${followed.page} can be followed word by word`, async () => {
    const place = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "dlr_docs_" }));
    try {
      const { failed, missing, ran } = await follow(followed, place);
      assert.equal(failed.join("\n"), "");
      assert.deepEqual(missing, []);
      assert.ok(ran > 0);
    } finally {
      Deno.removeSync(place, { recursive: true });
    }
  }, lacksBash);
}

Deno.test("commands that train are made shorter, and no others", () => {
  const train = "deno run -P ../dlr/scripts/exp10.ts --fresh";
  assert.match(
    shortened(train),
    /^deno run -P \.\.\/dlr\/scripts\/exp10\.ts --fresh --steps 5 --set /,
  );
  assert.doesNotMatch(shortened(`${train} --steps 20`), /--steps 5/);
  assert.equal(shortened("deno check my_model.ts"), "deno check my_model.ts");
});
