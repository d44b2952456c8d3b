/** What each way of deciding promises beside: by the state, by chance or a rule, after a prompt. */

import assert from "node:assert/strict";
import { gradients, inputsOf, type Node, topologicalOrder } from "../../graph/mod.ts";
import { CERTAIN } from "../../routing/mod.ts";
import { floats, type HostTensor } from "../../tensor/mod.ts";
import { uniform } from "../drawn.ts";
import { weightedSum } from "../gradient_check.ts";
import { type PluginPromise } from "../promise.ts";
import { assertDiffers, assertSame } from "../same.ts";
import { partsOf, readBy } from "./context.ts";
import {
  inPrompt,
  LENGTH,
  NOISE_SHAPE,
  ofToken,
  RouterSetup,
  sequenceOf,
  SITE,
  STATE_SHAPE,
  TOKENS,
} from "./setup.ts";
import { type RouterSubject } from "./subject.ts";

/** What a router promises that reads the state. */
export function statePromises({ make, oracle }: RouterSubject): PluginPromise[] {
  const setUp = () => new RouterSetup(make(), oracle.evaluate);
  return [
    {
      name: "gives logits from before the noise, the same in both modes",
      lookAt: "Decision.logits: log-odds as they are before noise and temperature",
      check() {
        const setup = setUp();
        const { train, evaluation } = setup;
        assert.ok(train.logits && evaluation.logits, "it gives no logits");
        const read = readBy({ train: train.logits, evaluation: evaluation.logits });
        for (const name of ["noise", "temperature", "threshold"]) {
          assert.ok(!read.has(name), `its logits are made from the ${name}`);
        }
        const { a, b } = setup.values({ a: train.logits, b: evaluation.logits });
        assertSame(a, b, "its logits are others in training than in evaluation");
        return `${a.data.length} logits`;
      },
    },
    {
      name: "samples another decision from other noise, if its gates read any",
      lookAt: "in training gates are sampled: gumbelGates or bernoulliGates of context.noise",
      check() {
        const setup = setUp();
        const { gates } = setup.train;
        if (!readBy({ gates }).has("noise")) return "they read none";
        const share = shareOfOtherDraws(setup, gates);
        assert.ok(share > 0, "its gates in training are the same whatever the noise");
        return `in ${share} of 20 draws`;
      },
    },
    {
      name: "passes a gradient to every parameter, by its gates or their probability",
      lookAt: "straightThrough gates pass a gradient, greater alone does not",
      check() {
        const setup = setUp();
        const output = weightedSum(setup.train.logProbability ?? setup.train.gates);
        const inputs = inputsOf(topologicalOrder([output]));
        const names = setup.params;
        assert.ok(names.length > 0, "it decides by the state and has no parameters");
        const unread = names.filter((name) => !inputs.has(name));
        assertSame(unread, [], `nothing reads ${unread.join(", ")}`);
        const slopes = gradients(output, names.map((name) => inputs.get(name)!));
        const values = setup.values(
          Object.fromEntries(names.map((name, i) => [name, slopes[i]!])),
        );
        for (const name of names) {
          const { data } = values[name]!;
          assert.ok(data.every(Number.isFinite), `the gradient of ${name} is not finite`);
          assert.ok(data.some((x) => x !== 0), `no gradient flows to ${name}`);
        }
        return `${names.length} parameters`;
      },
    },
    {
      name: "stays finite for states of zeros and of huge numbers",
      lookAt: "divisions by a norm that may be 0, and exponentials that overflow",
      check() {
        const setup = setUp();
        const huge = Array.from(setup.feeds["state"]!.data, (x) => 1e6 * x);
        const states = { zeros: floats(STATE_SHAPE), "huge numbers": floats(STATE_SHAPE, huge) };
        for (const [what, state] of Object.entries(states)) {
          for (const [part, { data }] of Object.entries(setup.values(setup.parts, { state }))) {
            assert.ok(data.every(Number.isFinite), `${part} is not finite for a state of ${what}`);
          }
        }
        return "all parts";
      },
    },
  ];
}

/** What a router promises that goes by chance or by a rule. */
export function blindPromises({ make, oracle }: RouterSubject): PluginPromise[] {
  const setUp = () => new RouterSetup(make(), oracle.evaluate);
  return [
    {
      name: "has nothing to train, and looks at no state",
      lookAt: "Router.decidesBy is chance or rule for routers without parameters",
      check() {
        const { params, parts } = setUp();
        assertSame(params, [], `it has the parameters ${params.join(", ")}`);
        assert.ok(!readBy(parts).has("state"), "it reads the state");
        return "no parameters";
      },
    },
    {
      name: "reads noise in training if it goes by chance, and none if by a rule",
      lookAt: "Router.decidesBy",
      check() {
        const setup = setUp();
        const { train, router } = setup;
        const byChance = router.decidesBy === "chance";
        const isRead = readBy(partsOf(train)).has("noise");
        assertSame(isRead, byChance, `it decides by ${router.decidesBy}, noise ${isRead}`);
        const share = shareOfOtherDraws(setup, train.gates);
        assertSame(share > 0, byChance, `other noise gives other gates in ${share} of 20 draws`);
        return `other gates in ${share} of 20 draws`;
      },
    },
  ];
}

/** What a router promises that decides for the tokens after a prompt. */
export function promptPromises({ make, oracle }: RouterSubject): PluginPromise[] {
  const setUp = () => new RouterSetup(make(), oracle.evaluate);
  return [
    {
      name: "runs every block on the prompt, at any threshold",
      lookAt: "afterPrompt (core/routing/prompt.ts), and Router.promptTokens",
      check() {
        const setup = setUp();
        const { promptTokens = 0 } = setup.router;
        assert.ok(promptTokens >= 1, `promptTokens is ${promptTokens}`);
        const always = new Array<number>(SITE.routableLayers).fill(1);
        const certain = always.map(() => CERTAIN);
        const { train, evaluation } = setup;
        assert.ok(evaluation.logits, "it gives no logits");
        const nodes = { train: train.gates, gates: evaluation.gates, logits: evaluation.logits };
        // A threshold that is calibrated to skip more than there is after the prompt reaches CERTAIN.
        for (const threshold of [0, CERTAIN, 2 * CERTAIN]) {
          const values = setup.values(nodes, { threshold: floats([], [threshold]) });
          for (const token of TOKENS.filter(inPrompt)) {
            const says = (what: string) =>
              `${what} of a token of the prompt, threshold ${threshold}`;
            assertSame(ofToken(values.train, token), always, says("gates in training"));
            assertSame(ofToken(values.gates, token), always, says("gates"));
            assertSame(ofToken(values.logits, token), certain, says("logits"));
          }
        }
        return `a prompt of ${promptTokens} unless one is given`;
      },
    },
    {
      name: "decides the same for all tokens after a prompt",
      lookAt: "pooledState (core/routing/prompt.ts) reads the prompt alone",
      check() {
        const setup = setUp();
        const { train, evaluation } = setup;
        assert.ok(evaluation.logits, "it gives no logits");
        const values = setup.values({ gates: train.gates, logits: evaluation.logits });
        for (const [part, value] of Object.entries(values)) {
          for (const token of TOKENS.filter((token) => !inPrompt(token))) {
            const last = (sequenceOf(token) + 1) * LENGTH - 1;
            assertSame(
              ofToken(value, token),
              ofToken(value, last),
              `${part} of tokens after a prompt differ`,
            );
          }
        }
        assertDiffers(
          ofToken(values.logits, LENGTH - 1),
          ofToken(values.logits, 2 * LENGTH - 1),
          "two prompts have the same logits",
        );
        return "and another for another prompt";
      },
    },
  ];
}

/** How many of twenty other draws of noise give other gates. */
function shareOfOtherDraws(setup: RouterSetup, gates: Node): number {
  const first = setup.values({ gates }).gates;
  const differs = ({ data }: HostTensor) => data.some((x, i) => x !== first.data[i]);
  return Array.from({ length: 20 }, (_, draw) => {
    const noise = uniform(NOISE_SHAPE, `draw ${draw}`);
    return setup.values({ gates }, { noise }).gates;
  }).filter(differs).length;
}
