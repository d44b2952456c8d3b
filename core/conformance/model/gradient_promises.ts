/** Gradients through a model against finite differences, and when blocks are computed again. */

import assert from "node:assert/strict";
import { gradients, input } from "../../graph/mod.ts";
import { forward } from "../../routing/mod.ts";
import { distance, largestOf } from "../closeness.ts";
import { slopesOf, weightedSum } from "../gradient_check.ts";
import { type Figure, type PluginPromise } from "../promise.ts";
import { Adapted } from "./adapted.ts";
import { NEEDED } from "./declaration_promises.ts";
import { figure, type ModelSetup } from "./subject.ts";

/** Tokens of the sequence whose loss is differentiated. */
const TOKENS = 4;

/** Slopes are held to each other as far as this, relative to the larger of them and {@link FAIR}. */
const TOLERANCE = 1e-5;
/** Share of the loss below which a slope's own size is no measure any more. */
const FAIR = 1e-3;
/** Share of the loss below which a slope is flat, and says nothing. */
const FLAT = 1e-7;
/** Short, so that kinks of an activation such as relu are hardly ever met. */
const STEP = 1e-5;

/** What holds of a model's gradients. */
export function gradientPromises(setUp: () => ModelSetup): PluginPromise[] {
  return [
    {
      name: "gradients of parameters = finite differences",
      lookAt: "stopGradient within the model, and operations of its own with a gradient rule",
      check() {
        const setup = setUp();
        const tokens = input("tokens", [1, Math.min(TOKENS, setup.length)], "int32");
        const feeds = { ...setup.weights, tokens: setup.tokens(1, tokens.type.shape[1]!) };
        const loss = weightedSum(setup.logits(tokens));
        return worstSlope(setup, loss, Object.keys(setup.weights), feeds);
      },
    },
    {
      name: "gradients of adapters = finite differences",
      needs: NEEDED.adapters,
      lookAt: "projections are made by `linear`, which adds the adapter that Params has for them",
      check() {
        const setup = setUp();
        const { params, weights } = new Adapted(setup);
        const tokens = input("tokens", [1, Math.min(TOKENS, setup.length)], "int32");
        const feeds = {
          ...setup.weights,
          ...weights,
          tokens: setup.tokens(1, tokens.type.shape[1]!),
        };
        const loss = weightedSum(setup.logits(tokens, undefined, {}, params));
        return worstSlope(setup, loss, Object.keys(weights), feeds);
      },
    },
    {
      name: "blocks computed again = blocks kept",
      lookAt: "block reads its arguments only: a node from elsewhere is not made again",
      check() {
        const setup = setUp();
        const { model, params } = setup;
        const tokens = input("tokens", [1, Math.min(TOKENS, setup.length)], "int32");
        const wrt = Object.values(params.nodes);
        const slopes = (checkpointing: boolean) => {
          const pass = forward(model, params, tokens, undefined, { checkpointing });
          return gradients(weightedSum(model.head(params, pass.hiddenStates)), wrt);
        };
        const [kept, again] = [slopes(false), slopes(true)];
        const named = wrt.flatMap((_, i) => [
          [`kept ${i}`, kept[i]!] as const,
          [`again ${i}`, again[i]!] as const,
        ]);
        const values = setup.values(Object.fromEntries(named), {
          tokens: setup.tokens(1, tokens.type.shape[1]!),
        });
        let [largest, off] = [values["kept 0"]!, 0];
        wrt.forEach((_, i) => {
          const before = values[`kept ${i}`]!;
          off = Math.max(off, distance(values[`again ${i}`]!, before));
          if (largestOf(before) > largestOf(largest)) largest = before;
        });
        return figure(off, largest);
      },
    },
  ];
}

/** The gradient that is furthest from finite differences. */
function worstSlope(
  setup: ModelSetup,
  loss: ReturnType<typeof weightedSum>,
  names: readonly string[],
  feeds: Parameters<typeof slopesOf>[2],
): Figure {
  const { evaluate } = setup.subject.oracle;
  const slopes = slopesOf(loss, names, feeds, evaluate, { step: STEP });
  let [worst, error, flat] = ["", 0, 0];
  for (const [name, { analytic, numeric, scale }] of slopes) {
    assert.ok(Number.isFinite(analytic), `the gradient of ${name} is ${analytic}`);
    const size = Math.max(Math.abs(analytic), Math.abs(numeric));
    if (size <= FLAT * scale) flat++;
    const own = Math.abs(analytic - numeric) / Math.max(Math.abs(numeric), FAIR * scale);
    if (own > error) [worst, error] = [name, own];
  }
  assert.ok(flat < slopes.size, "no parameter has a gradient");
  const about = flat === 0 ? `${slopes.size}` : `${slopes.size}, ${flat} of them flat`;
  const what = `max relative error of ${about}${worst ? ` (${worst})` : ""}`;
  return { what, value: error, bound: TOLERANCE };
}
