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
/** Seeds of the directions along which a slope is taken until it is right. */
const DIRECTIONS = [7, 8, 9];

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

/**
 * The gradient that is furthest from finite differences. One that is off is looked at again along other
 * directions: a kink that lies in the way is hardly met twice, and a wrong rule is wrong along any.
 */
function worstSlope(
  setup: ModelSetup,
  loss: ReturnType<typeof weightedSum>,
  names: readonly string[],
  feeds: Parameters<typeof slopesOf>[2],
): Figure {
  const { evaluate } = setup.subject.oracle;
  const errors = new Map(names.map((name) => [name, Infinity]));
  const sloped = new Set<string>();
  for (const seed of DIRECTIONS) {
    const off = names.filter((name) => errors.get(name)! > TOLERANCE);
    if (off.length === 0) break;
    const slopes = slopesOf(loss, off, feeds, evaluate, { step: STEP, seed });
    for (const [name, { analytic, numeric, scale }] of slopes) {
      assert.ok(Number.isFinite(analytic), `the gradient of ${name} is ${analytic}`);
      if (Math.max(Math.abs(analytic), Math.abs(numeric)) > FLAT * scale) sloped.add(name);
      const own = Math.abs(analytic - numeric) / Math.max(Math.abs(numeric), FAIR * scale);
      errors.set(name, Math.min(own, errors.get(name)!));
    }
  }
  assert.ok(sloped.size > 0, "no parameter has a gradient");
  const [worst, error] = [...errors].reduce((a, b) => b[1] > a[1] ? b : a);
  const flat = names.length - sloped.size;
  const about = flat === 0 ? `${names.length}` : `${names.length}, ${flat} of them flat`;
  return { what: `max relative error of ${about} (${worst})`, value: error, bound: TOLERANCE };
}
