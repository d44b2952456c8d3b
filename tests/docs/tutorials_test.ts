/** The tutorials, followed word by word in a fresh folder. */

import assert from "node:assert/strict";
import { shortened, testFollowed, TUTORIALS } from "./followed.ts";

for (const tutorial of TUTORIALS) testFollowed(tutorial);

Deno.test("commands that train are made shorter, and no others", () => {
  const train = "deno run -P ../dlr/scripts/exp10.ts --fresh";
  assert.match(
    shortened(train),
    /^deno run -P \.\.\/dlr\/scripts\/exp10\.ts --fresh --steps 5 --set /,
  );
  assert.doesNotMatch(shortened(`${train} --steps 20`), /--steps 5/);
  assert.equal(shortened("deno check my_model.ts"), "deno check my_model.ts");
});
