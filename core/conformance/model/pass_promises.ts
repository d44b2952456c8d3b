/** Passes of a model: who sees whom, and what skipping leaves. */

import assert from "node:assert/strict";
import { input, inputsOf, topologicalOrder } from "../../graph/mod.ts";
import { causalMask } from "../../nn/mod.ts";
import { type FixedGates, forward, type Places } from "../../routing/mod.ts";
import { floats, type HostTensor, ints } from "../../tensor/mod.ts";
import { distance, largestOf, worstFigure } from "../closeness.ts";
import { drawGates } from "../drawn.ts";
import { type Figure, type PluginPromise, showNumber } from "../promise.ts";
import { BATCH, figure, type ModelSetup, part } from "./subject.ts";

/** A change of logits smaller than this is none: nothing that was drawn has so little effect. */
const NOTHING = 1e-7;

/** What holds of passes without a cache. */
export function passPromises(setUp: () => ModelSetup): PluginPromise[] {
  return [...sightPromises(setUp), ...gatePromises(setUp), ...positionPromises(setUp)];
}

function sightPromises(setUp: () => ModelSetup): PluginPromise[] {
  return [
    {
      name: "logits are finite",
      lookAt: "divisions by 0, roots of negative numbers, and masks of -Infinity",
      check() {
        const setup = setUp();
        const logits = logitsOf(setup, setup.tokens());
        assert.ok(logits.data.every(Number.isFinite), "logits are not finite");
        const largest = largestOf(logits);
        assert.ok(largest > NOTHING, "all logits are 0");
        return `the largest is ${showNumber(largest)}`;
      },
    },
    {
      name: "causal",
      lookAt: "block adds Memory.mask to its scores, and nothing else mixes tokens",
      check() {
        const setup = setUp();
        const tokens = setup.tokens(1);
        const before = logitsOf(setup, tokens);
        const figures: Figure[] = [];
        for (let place = 1; place < setup.length; place++) {
          const after = logitsOf(setup, changed(setup, tokens, place));
          const [now, then] = [part(after, 0, 0, place), part(before, 0, 0, place)];
          figures.push(figure(distance(now, then), before));
        }
        return worstFigure(figures);
      },
    },
    {
      name: "a token reads what is before it",
      lookAt: "block attends to Memory.keys and Memory.values, which keysValues made",
      check() {
        const setup = setUp();
        const tokens = setup.tokens(1);
        const last = setup.length - 1;
        const lastOf = (tokens: HostTensor) => part(logitsOf(setup, tokens), 0, last);
        const change = distance(lastOf(changed(setup, tokens, 0)), lastOf(tokens));
        assert.ok(change > NOTHING, "the first token changes nothing of the last one's logits");
        return `the first token changes the last one's logits by ${showNumber(change)}`;
      },
    },
    {
      name: "padding does not matter",
      lookAt: "sizes that are taken from the batch, such as a mean over tokens or a table's length",
      check() {
        const setup = setUp();
        const tokens = setup.tokens(1);
        const whole = logitsOf(setup, tokens);
        const figures: Figure[] = [];
        for (let length = 1; length < setup.length; length++) {
          const alone = logitsOf(setup, ints([1, length], tokens.data.slice(0, length)));
          figures.push(figure(distance(part(whole, 0, 0, length), part(alone, 0)), whole));
        }
        return worstFigure(figures);
      },
    },
    {
      name: "a batch = each alone",
      lookAt: "reshapes and sums over the batch's axis",
      check() {
        const setup = setUp();
        const { length } = setup;
        const tokens = setup.tokens();
        const whole = logitsOf(setup, tokens);
        const figures = Array.from({ length: BATCH }, (_, sequence) => {
          const ids = tokens.data.slice(sequence * length, (sequence + 1) * length);
          const alone = logitsOf(setup, ints([1, length], ids));
          return figure(distance(part(whole, sequence), part(alone, 0)), whole);
        });
        return worstFigure(figures);
      },
    },
  ];
}

function gatePromises(setUp: () => ModelSetup): PluginPromise[] {
  return [
    {
      name: "gates all one = dense",
      lookAt: "block gives the same for the same arguments, and finite numbers",
      check() {
        const setup = setUp();
        const tokens = input("tokens", [BATCH, setup.length], "int32");
        const { dense, gated } = setup.values({
          dense: setup.logits(tokens),
          gated: setup.logits(tokens, gatesOf(setup, BATCH, setup.length)),
        }, { tokens: setup.tokens(), gates: allGates(setup, 1) });
        return figure(distance(gated, dense), dense);
      },
    },
    {
      name: "gates all zero = the anchor state to the head",
      lookAt: "a block's state that is not finite (0 times it is none either), and embed",
      check() {
        const setup = setUp();
        const { model, params } = setup;
        const tokens = input("tokens", [BATCH, setup.length], "int32");
        const pass = forward(model, params, tokens, gatesOf(setup, BATCH, setup.length));
        const { skipped, anchor, dense } = setup.values({
          skipped: model.head(params, pass.hiddenStates),
          anchor: model.head(params, pass.anchor!),
          dense: setup.logits(tokens),
        }, { tokens: setup.tokens(), gates: allGates(setup, 0) });
        assert.ok(distance(dense, anchor) > NOTHING, "blocks change nothing of the logits");
        return figure(distance(skipped, anchor), dense);
      },
    },
    {
      name: "compacted = gated",
      lookAt:
        "block takes any rows at any positions: use positions and memory, no index of a row, " +
        "and leave attention to `attention`, which knows Memory.packing",
      check() {
        const setup = setUp();
        const figures: Figure[] = [];
        for (const [batch, most] of [[1, 1], [1, 7], [4, 1], [BATCH, 6]] as const) {
          const length = Math.min(most, setup.length);
          const tokens = input("tokens", [batch, length], "int32");
          const given = gatesOf(setup, batch, length);
          const nodes = {
            gated: setup.logits(tokens, given),
            compacted: setup.logits(tokens, given, { compacted: true }),
          };
          for (const rate of [0, 0.2, 0.5, 0.8, 1]) {
            const shape = [batch, length, setup.routableLayers];
            const { gated, compacted } = setup.values(nodes, {
              tokens: setup.tokens(batch, length),
              gates: drawGates(shape, rate, `${shape} ${rate}`),
            });
            figures.push(figure(distance(compacted, gated), gated));
          }
        }
        return worstFigure(figures);
      },
    },
  ];
}

function positionPromises(setUp: () => ModelSetup): PluginPromise[] {
  return [
    {
      name: "positions are what they say",
      lookAt: "embed, keysValues and block go by the positions that they are given, and count none",
      check() {
        const setup = setUp();
        const { length } = setup;
        const tokens = input("tokens", [1, length], "int32");
        const positions = input("positions", [1, length], "int32");
        const placed = setup.logits(tokens, undefined, {
          places: { positions, mask: (window) => causalMask(length, window) },
        });
        const feeds = { tokens: setup.tokens(1) };
        const counted = ints([1, length], Array.from({ length }, (_, place) => place));
        const { usual, given } = setup.values(
          { usual: setup.logits(tokens), given: placed },
          { ...feeds, positions: counted },
        );
        const off = figure(distance(given, usual), usual);
        if (!inputsOf(topologicalOrder([placed])).has("positions")) {
          return "it reads none: the same tokens give the same at any place";
        }
        if (!(off.value <= off.bound) || setup.model.dims.maxPositions <= length) return off;
        // The last token one place further on.
        const later = ints(
          [1, length],
          counted.data.map((place) => place === length - 1 ? length : place),
        );
        const { moved } = setup.values({ moved: placed }, { ...feeds, positions: later });
        const change = distance(part(moved, 0, length - 1), part(usual, 0, length - 1));
        assert.ok(change > NOTHING, "a token one place further on gives the same logits");
        return off;
      },
    },
    {
      name: "the last position is defined",
      lookAt: "ModelDims.maxPositions, and tables by position",
      check() {
        const setup = setUp();
        const { length, model: { dims: { maxPositions } } } = setup;
        const tokens = input("tokens", [1, length], "int32");
        const positions = input("positions", [1, length], "int32");
        const places: Places = { positions, mask: (window) => causalMask(length, window) };
        const last = Array.from({ length }, (_, place) => maxPositions - length + place);
        const { logits } = setup.values(
          { logits: setup.logits(tokens, undefined, { places }) },
          { tokens: setup.tokens(1), positions: ints([1, length], last) },
        );
        assert.ok(logits.data.every(Number.isFinite), `logits are not finite at ${last.at(-1)}`);
        return `position ${last.at(-1)}`;
      },
    },
  ];
}

/** Logits of a dense pass. */
function logitsOf(setup: ModelSetup, tokens: HostTensor): HostTensor {
  const node = input("tokens", tokens.shape, "int32");
  return setup.values({ logits: setup.logits(node) }, { tokens }).logits;
}

/** The same tokens but for one. */
function changed({ model }: ModelSetup, tokens: HostTensor, place: number): HostTensor {
  const data = Int32Array.from(tokens.data);
  data[place] = (data[place]! + 1) % model.dims.vocabSize;
  return ints(tokens.shape, data);
}

function gatesOf(setup: ModelSetup, batch: number, length: number): FixedGates {
  const { routableLayers, anchorLayers } = setup;
  return { gates: input("gates", [batch, length, routableLayers]), anchorLayers };
}

function allGates(setup: ModelSetup, gate: number): HostTensor {
  const gates = floats([BATCH, setup.length, setup.routableLayers]);
  gates.data.fill(gate);
  return gates;
}
