/** Declarations of parameters that are none. */

import assert from "node:assert/strict";
import { type ParamSpecs } from "../../../core/contracts/mod.ts";
import { type TensorSource } from "../../../core/io/mod.ts";
import { checkSpecs, initialize, inputNodes } from "../../../core/nn/mod.ts";
import { checkWeights } from "../../../core/train/mod.ts";
import { RIGHT } from "../conformance/models.ts";

const constant = { kind: "constant", value: 1 };

/** Wrong declarations, and what is said of each. */
const WRONG: readonly [specs: unknown, says: RegExp][] = [
  [null, /^Parameters are declared as null; give an object with a declaration for each name$/],
  [undefined, /declared as undefined;/],
  [[], /declared as \[\];/],
  [Promise.resolve({}), /declared as a promise;/],
  [{ w: null }, /^The parameter "w" is declared with the shape undefined; give a list of whole/],
  [{ w: { shape: "abc", init: constant } }, /"w" .* shape "abc";/],
  [{ w: { shape: [-2], init: constant } }, /shape \[-2\];/],
  [{ w: { shape: [2, 0], init: constant } }, /shape \[2,0\];/],
  [{ w: { shape: [2.5], init: constant } }, /shape \[2\.5\];/],
  [{ w: { shape: [NaN], init: constant } }, /shape \["NaN"\];/],
  [{ w: { shape: [2] } }, /init undefined; give one of \{ kind: "normal", std \}, \{ kind: "con/],
  [{ w: { shape: [2], init: { kind: "gauss", std: 1 } } }, /init \{"kind":"gauss","std":1\};/],
  [{ w: { shape: [2], init: { kind: "toString" } } }, /init \{"kind":"toString"\};/],
  [{ w: { shape: [2], init: { kind: "normal" } } }, /init \{"kind":"normal"\};/],
  [{ w: { shape: [2], init: { kind: "normal", std: -1 } } }, /"std":-1\};/],
  [{ w: { shape: [2], init: { kind: "constant", value: NaN } } }, /"value":"NaN"\};/],
  [{ w: { shape: [2], init: { kind: "kaimingUniform", fanIn: 0 } } }, /"fanIn":0\};/],
];

Deno.test("a wrong declaration is refused by name where it is drawn, read and loaded", () => {
  const source = { path: "memory", tensors: new Map() } as unknown as TensorSource;
  for (const [wrong, message] of WRONG) {
    const specs = wrong as ParamSpecs;
    const refused = { name: "UserError", message };
    assert.throws(() => checkSpecs(specs), refused);
    assert.throws(() => initialize(specs, 0), refused);
    assert.throws(() => inputNodes(specs), refused);
    assert.throws(() => checkWeights(source, { ...RIGHT, params: () => specs }), {
      name: "UserError",
      message: /^The model "llama": (The parameter "w" is|Parameters are) declared/,
    });
  }
  checkSpecs(RIGHT.params());
  checkSpecs({ scalar: { shape: [], init: { kind: "normal", std: 0 } } });
});

Deno.test("a parameter that no memory holds is refused with its shape", () => {
  const specs = { "w": { shape: [1e6, 1e6], init: { kind: "constant", value: 1 } } } as const;
  assert.throws(() => initialize(specs, 0), {
    name: "UserError",
    message: /no memory for the parameter "w" of the shape \[1000000,1000000\], 1000000000000 num/,
  });
});
