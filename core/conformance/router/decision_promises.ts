/** What holds of every router, however it decides. */

import assert from "node:assert/strict";
import { type Node } from "../../graph/mod.ts";
import { CERTAIN } from "../../routing/mod.ts";
import { floats } from "../../tensor/mod.ts";
import { normal, uniform } from "../drawn.ts";
import { type PluginPromise } from "../promise.ts";
import { assertDiffers, assertSame } from "../same.ts";
import { partsOf, readBy } from "./context.ts";
import {
  BATCH,
  exchanged,
  inPrompt,
  LENGTH,
  NOISE_SHAPE,
  ofToken,
  real,
  RouterSetup,
  sequenceOf,
  SITE,
  STATE_SHAPE,
  TOKENS,
} from "./setup.ts";
import { type Reads, type RouterSubject } from "./subject.ts";

const sameSequence = (a: number, b: number) => sequenceOf(a) === sequenceOf(b);

/** Whether the decision about `token` may change with the state of `changed`. */
const MAY_READ: Readonly<Record<Reads, (token: number, changed: number) => boolean>> = {
  token: (token, changed) => token === changed,
  prompt: (token, changed) =>
    sameSequence(token, changed) && real(changed) && inPrompt(changed) && !inPrompt(token),
  sequence: (token, changed) => sameSequence(token, changed) && real(changed),
  nothing: () => false,
};

/** For whom gates may be given. */
const ALL = [1, 1] as const;
const GATES_FOR: Readonly<Record<Reads, readonly (readonly [batch: number, length: number])[]>> = {
  token: [[BATCH, LENGTH]],
  prompt: [[BATCH, LENGTH]],
  sequence: [[BATCH, 1]],
  nothing: [[BATCH, LENGTH], [BATCH, 1], ALL],
};

/** A place of a batch, for messages. */
const place = (token: number) =>
  `token ${token % LENGTH} of sequence ${sequenceOf(token)}${real(token) ? "" : " (padding)"}`;

/** What holds of every decision. @param reads what the router may read */
export function decisionPromises({ make, oracle }: RouterSubject, reads: Reads): PluginPromise[] {
  const setUp = () => new RouterSetup(make(), oracle.evaluate);
  return [
    {
      name: "gives gates for tokens, sequences or all, and all else in shapes to match",
      lookAt: "Decision (core/contracts/router.ts) lists the shapes",
      check() {
        const { train, evaluation, router } = setUp();
        const allowed = router.decidesBy === "rule" ? [ALL] : GATES_FOR[reads];
        for (
          const { gates, logits, survivalScale, logProbability, penalty } of [train, evaluation]
        ) {
          assertSame(gates.type.dtype, "float32", `gates are ${gates.type.dtype}`);
          const [sequences, rows, layers] = gates.type.shape;
          const shapes = allowed.map((one) => `[${[...one, SITE.routableLayers]}]`).join(" or ");
          assert.ok(
            allowed.some(([batch, length]) => batch === sequences && length === rows) &&
              layers === SITE.routableLayers && gates.type.shape.length === 3,
            `gates are [${gates.type.shape}], not ${shapes}`,
          );
          const assertShape = (node: Node | undefined, shape: readonly number[], what: string) => {
            if (!node) return;
            assertSame(
              node.type.shape,
              shape,
              `${what} is [${node.type.shape}], not [${shape}]`,
            );
          };
          assertShape(logits, gates.type.shape, "logits");
          if (logits) assertSame(logits.type.dtype, "float32", `logits are ${logits.type.dtype}`);
          assertShape(survivalScale, [1, 1, SITE.routableLayers], "survivalScale");
          assertShape(logProbability, [BATCH], "logProbability");
          assertShape(penalty, [], "penalty");
        }
        return `gates [${evaluation.gates.type.shape}]`;
      },
    },
    {
      name: "says whether it looks at later tokens",
      lookAt:
        "Router.causal is false where a decision is made from a whole sequence, evaluation where " +
        "that is so in training only, else absent",
      check() {
        const { causal } = make();
        const isCausal = causal !== false;
        assertSame(
          isCausal,
          reads !== "sequence",
          `it reads ${reads} and calls itself ${isCausal ? "causal" : "not causal"}`,
        );
        if (causal === "evaluation") return "in training only";
        return isCausal ? "it does not" : "it does";
      },
    },
    {
      name: "gives gates of 0 or 1, in training as in evaluation",
      lookAt: "gumbelGates and bernoulliGates (core/routing/sampling.ts) give hard gates",
      check() {
        const setup = setUp();
        const gates = { training: setup.train.gates, evaluation: setup.evaluation.gates };
        let count = 0;
        for (const [mode, { data }] of Object.entries(setup.values(gates))) {
          const other = data.find((gate) => gate !== 0 && gate !== 1);
          assertSame(other, undefined, `a gate is ${other} in ${mode}`);
          count += data.length;
        }
        return `${count} gates`;
      },
    },
    {
      name: "reads no temperature in evaluation, and noise only if it goes by chance",
      lookAt: "decide, where context.mode is eval",
      check() {
        const { evaluation, router } = setUp();
        const read = readBy(partsOf(evaluation));
        assert.ok(!read.has("temperature"), "it reads the temperature in evaluation");
        if (router.decidesBy !== "chance") {
          assert.ok(!read.has("noise"), "it reads noise in evaluation");
        }
        return `it reads ${
          [...read].filter((name) => !name.includes(".")).join(", ") || "nothing"
        }`;
      },
    },
    {
      name: "opens a gate where its logit is above the threshold, and only there",
      lookAt: "in evaluation gates are greater(logits, threshold)",
      check() {
        const setup = setUp();
        const { gates, logits } = setup.evaluation;
        if (!logits) {
          const isRead = readBy({ gates }).has("threshold");
          assert.ok(!isRead, "it reads a threshold, and gives no logits");
          return "no logits, no threshold";
        }
        return opensAbove(setup, gates, logits);
      },
    },
    {
      name: "repeats its decision",
      lookAt: "randomness that does not come from context.noise, and state that is kept",
      check() {
        const setup = setUp();
        const first = setup.values(setup.parts);
        assertSame(setup.values(setup.parts), first, "asked again it decides otherwise");
        const again = setUp();
        assertSame(
          again.values(again.parts),
          first,
          "a second router with the same parameters decides otherwise",
        );
        return `${Object.keys(first).length} parts, to the bit`;
      },
    },
    {
      name: "reads for a decision what it says, and nothing else",
      lookAt: "means and sums over tokens, padding and later tokens among them",
      check: () => readsOnlyWhatItMay(setUp(), reads),
    },
    {
      name: "draws gates from no other sequence's noise, nor from that of padding",
      lookAt: "which elements of context.noise a gate is made from",
      check() {
        const setup = setUp();
        const { train: { gates }, feeds } = setup;
        const before = setup.values({ gates });
        const foreign = (token: number) => sequenceOf(token) !== 1 || !real(token);
        for (let draw = 0; draw < 20; draw++) {
          const other = uniform(NOISE_SHAPE, `draw ${draw}`);
          const noise = exchanged(feeds["noise"]!, other, foreign);
          const after = setup.values({ gates }, { noise });
          for (const token of TOKENS.filter((token) => !foreign(token))) {
            assertSame(
              ofToken(after.gates, token),
              ofToken(before.gates, token),
              `the gates of ${place(token)} change with the noise of others`,
            );
          }
        }
        return "20 draws";
      },
    },
  ];
}

/** Fails unless gates are 1 where logits are above the threshold, at any, and 0 elsewhere. */
function opensAbove(setup: RouterSetup, gates: Node, logits: Node): string {
  const { data } = setup.values({ logits }).logits;
  const sorted = [...data].filter((logit) => logit !== CERTAIN).sort((a, b) => a - b);
  const middle = sorted.findIndex((logit, i) => i >= sorted.length / 2 && logit < sorted[i + 1]!);
  const between = (sorted[middle]! + sorted[middle + 1]!) / 2;
  assert.ok(middle >= 0, `all logits are ${sorted.at(-1)}: no threshold tells tokens apart`);
  const thresholds: number[] = [sorted[0]! - 1, between, 0, sorted.at(-1)! + 1];
  for (const threshold of thresholds) {
    const fed = floats([], [threshold]);
    const value = setup.values({ gates, logits }, { threshold: fed });
    value.logits.data.forEach((logit, i) => {
      const gate = value.gates.data[i];
      assertSame(
        gate,
        logit > fed.data[0]! ? 1 : 0,
        `a gate is ${gate} where the logit is ${logit} and the threshold ${fed.data[0]}`,
      );
    });
  }
  return `at ${thresholds.length} thresholds`;
}

/** Fails where a decision changes with a state that it may not read, or not with one that it does. */
function readsOnlyWhatItMay(setup: RouterSetup, reads: Reads): string {
  // What a whole batch has in common, such as a penalty, is nobody's decision.
  const parts = Object.fromEntries(
    Object.entries(setup.parts).filter(([, { type }]) => type.shape.length > 0),
  );
  const before = setup.values(parts);
  const { state } = setup.feeds;
  for (const changed of TOKENS) {
    const other = exchanged(state!, normal(STATE_SHAPE, "other state"), (t) => t === changed);
    const after = setup.values(parts, { state: other });
    for (const [part, value] of Object.entries(after)) {
      for (const token of TOKENS) {
        const [now, then] = [ofToken(value, token), ofToken(before[part]!, token)];
        const owners = part.endsWith("logProbability")
          ? TOKENS.filter((t) => sameSequence(t, token))
          : [token];
        const told = `the ${part} of ${place(token)}`;
        const ahead = setup.router.causal === "evaluation" && part === "train gates";
        const mayRead = (owner: number) =>
          MAY_READ[reads](owner, changed) || (ahead && MAY_READ.sequence(owner, changed));
        if (!owners.some(mayRead)) {
          assertSame(now, then, `${told} changes with the state of ${place(changed)}`);
        } else if (!part.endsWith("gates")) {
          // Gates may stay the same; what is behind them may not.
          assertDiffers(now, then, `${told} does not change with that of ${place(changed)}`);
        }
      }
    }
  }
  return reads === "nothing" ? "it reads no state" : `of one ${reads}`;
}
