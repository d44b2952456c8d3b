/** What a plugin does wrong when it is called is said in one line that names it. */

import assert from "node:assert/strict";
import { z } from "zod";
import {
  type Backend,
  type Corpus,
  type Decision,
  type DecoderModel,
  type Launcher,
  type Plugin,
  type Task,
  type Trial,
  UserError,
} from "../../../../core/contracts/mod.ts";
import { input, type Node, reshape, scalar, slice } from "../../../../core/graph/mod.ts";
import { inputNodes, ParamNodes } from "../../../../core/nn/mod.ts";
import { answered, callPlugin, guardPlugin } from "../../../../core/run/plugins/guards/mod.ts";
import { floats } from "../../../../core/tensor/mod.ts";
import { referenceBackend } from "../../../../plugins/backends/reference/mod.ts";
import { llamaKind } from "../../../../plugins/models/llama/mod.ts";
import { tokenGumbel } from "../../../../plugins/routers/token_gumbel.ts";
import { decisionOf } from "../../../conformance/routing_context.ts";
import { TINY_CONFIG } from "../../../end_to_end/tiny_model.ts";
import { userError } from "../../io/support.ts";

const OWNER = 'plugin "mine" (./mine.ts)';

const guarded = (parts: Omit<Plugin, "name">) => guardPlugin({ name: "mine", ...parts }, OWNER);

/** The tiny Llama with some functions replaced, guarded. */
function model(wrong: Partial<DecoderModel>): DecoderModel {
  const [kind] = guarded({
    architectures: [{
      ...llamaKind,
      fromConfig: (config, source) => ({ ...llamaKind.fromConfig(config, source), ...wrong }),
    }],
  }).architectures!;
  return kind!.fromConfig(TINY_CONFIG, "config.json");
}

const STATE = input("state", [2, 5, 16]);
const POSITIONS = input("positions", [2, 5], "int32");
const TOKENS = input("tokens", [2, 5], "int32");

Deno.test("a guarded model answers as the model itself does", () => {
  const plain = llamaKind.fromConfig(TINY_CONFIG, "config.json");
  const safe = model({});
  const params = new ParamNodes(inputNodes(safe.params()));
  assert.deepEqual(safe.params(), plain.params());
  assert.deepEqual(safe.projections(1), plain.projections(1));
  assert.deepEqual(safe.redundant!("lm_head.weight"), plain.redundant!("lm_head.weight"));
  assert.deepEqual(safe.embed(params, TOKENS, POSITIONS).type.shape, [2, 5, 16]);
  const { keys } = safe.keysValues(params, 0, STATE, POSITIONS);
  assert.deepEqual(keys.type.shape, [2, 1, 5, 8]);
  assert.deepEqual(safe.head(params, STATE).type.shape, [2, 5, 288]);
});

Deno.test("a model that answers in a wrong shape is named with the function and both shapes", async () => {
  const params = new ParamNodes(inputNodes(model({}).params()));
  const half = (x: Node) => slice(x, -1, 0, 8);
  const memory = { ...model({}).keysValues(params, 1, STATE, POSITIONS), mask: scalar(0) };
  const name = /^plugin "mine" \(\.\/mine\.ts\): architecture "llama"/;
  await userError(
    () => model({ embed: () => half(STATE) }).embed(params, TOKENS, POSITIONS),
    name,
    /\.embed returned float32\[2, 5, 8\]; it should be float32\[2, 5, 16\]$/,
  );
  await userError(
    () => model({ block: (_p, _l, rows) => half(rows) }).block(params, 1, STATE, POSITIONS, memory),
    /\.block\(layer 1\) returned float32\[2, 5, 8\]; it should be float32\[2, 5, 16\]/,
  );
  await userError(
    () =>
      model({ keysValues: () => ({ keys: STATE, values: STATE }) })
        .keysValues(params, 0, STATE, POSITIONS),
    /\.keysValues\(layer 0\), "keys", returned float32\[2, 5, 16\]; it should be float32\[2, 1, 5, 8\]/,
  );
  await userError(
    () => model({ head: () => undefined as unknown as Node }).head(params, STATE),
    /\.head returned no node; it should be float32\[2, 5, 288\]/,
  );
});

Deno.test("a model without its functions or sizes is refused when it is made", async () => {
  await userError(
    () => model({ block: undefined as unknown as DecoderModel["block"] }),
    /architecture "llama": the model has no function "block"/,
  );
  const dims = { ...llamaKind.fromConfig(TINY_CONFIG, "x").dims, numLayers: 0 };
  await userError(() => model({ dims }), /dims\.numLayers is 0; give a positive whole number/);
});

Deno.test("what a plugin throws is said with the function and the place", async () => {
  const params = new ParamNodes({});
  await userError(
    () => model({}).embed(params, TOKENS, POSITIONS),
    /architecture "llama"\.embed threw TypeError: .*"model\.embed_tokens\.weight"/,
  );
  const broken = model({
    head: () => {
      throw new RangeError("not\n  today");
    },
  });
  await userError(
    () => broken.head(params, STATE),
    /\.head threw RangeError: not today, at .*guards_test\.ts:\d+:\d+$/,
  );
  const spoken = new UserError("the file x is missing");
  assert.throws(() =>
    callPlugin("anything", () => {
      throw spoken;
    }), (error) => error === spoken);
});

Deno.test("a router's gates have a shape that fits, or are named", async () => {
  const make = (wrong: (right: Decision) => Partial<Decision>) => {
    const kind = {
      ...tokenGumbel,
      create: (options: Parameters<typeof tokenGumbel.create>[0]) => {
        const router = tokenGumbel.create(options);
        return {
          ...router,
          decide: (...args: Parameters<typeof router.decide>) => {
            const right = router.decide(...args);
            return { ...right, ...wrong(right) };
          },
        };
      },
    };
    return guarded({ routers: [kind] }).routers![0]!.create(tokenGumbel.options.parse({}));
  };
  const site = { hiddenSize: 16, anchorLayers: 1, routableLayers: 2 };
  const decide = (router: ReturnType<typeof make>) => decisionOf(router, "train", [2, 5], site);
  assert.deepEqual(decide(make(() => ({}))).gates.type.shape, [2, 5, 2]);
  await userError(
    () => decide(make(({ gates }) => ({ gates: reshape(gates, [10, 2]) }))),
    /router "token-gumbel"\.decide, "gates", returned float32\[10, 2\]; it should be float32\[2, 5, 2\]/,
  );
  await userError(
    () => decide(make(({ gates }) => ({ logits: slice(gates, 2, 0, 1) }))),
    /"logits", returned float32\[2, 5, 1\]; it should be float32\[2, 5, 2\]/,
  );
  const empty = guarded({
    routers: [{ ...tokenGumbel, create: () => undefined as never }],
  }).routers![0]!;
  await userError(() => empty.create({}), /what "create" returns has no function "params"/);
});

Deno.test("a task asks what it says that it asks, and scores with the numbers that it says", async () => {
  const task = (wrong: Partial<Task>): Task =>
    guarded({
      tasks: [{
        name: "quiz",
        description: "a quiz",
        version: 1,
        outputType: "multiple_choice",
        dataset: { folder: "quiz" },
        split: "test",
        metrics: [{ name: "acc", aggregation: "mean", higherIsBetter: true }],
        document: (row) => row,
        question: () => "Q",
        answer: () => "A",
        requests: () => [{ kind: "loglikelihood", context: "Q", continuation: " A" }],
        target: () => "A",
        score: () => [{ filter: "none", values: { acc: 1 } }],
        ...wrong,
      }],
    }).tasks![0]!;
  assert.deepEqual(task({}).score({}, []), [{ filter: "none", values: { acc: 1 } }]);
  const cases: readonly [call: () => unknown, says: RegExp][] = [
    [
      () => task({ question: () => 3 as never }).question({}),
      /task "quiz"\.question returned number/,
    ],
    [
      () => task({ requests: () => [] }).requests({}, ""),
      /requests returned \[\]; it should be a list/,
    ],
    [
      () => task({ requests: () => [{ kind: "rolling", text: "x" }] }).requests({}, ""),
      /requests returned {"kind":"rolling".*of kind "loglikelihood"/,
    ],
    [() => task({ score: () => [] }).score({}, []), /score returned no list of values/],
    [
      () => task({ score: () => [{ filter: "none", values: {} }] }).score({}, []),
      /score returned nothing for the metric "acc" under the filter "none"; it should be a number/,
    ],
    [
      () => task({ score: () => [{ filter: "none", values: { acc: NaN } }] }).score({}, []),
      /score returned null for the metric "acc"/,
    ],
  ];
  for (const [call, says] of cases) await userError(call, says);
});

Deno.test("a backend answers, with the outputs that it was asked for", async () => {
  const open = (wrong: Partial<Backend>) =>
    guarded({
      backends: {
        fast: () => Promise.resolve({ ...referenceBackend(), ...wrong } as Backend),
      },
    }).backends!["fast"]!({ threads: 1, executionProvider: "cpu", sessionOptions: {} });
  const x = input("x", [2]);
  const feeds = { x: floats([2], [1, 2]) };
  await using right = await open({});
  await using program = await right.compile({ x });
  assert.deepEqual([...(await program.run(feeds)).x.data], [1, 2]);
  assert.deepEqual([program.flops, [...program.inputs.keys()]], [0, ["x"]]);

  await userError(
    async () => (await open({ compile: () => Promise.reject(new Error("no")) })).compile({ x }),
    /backend "fast"\.compile threw Error: no/,
  );
  const shortened = await open({
    async compile<Output extends string>(outputs: Readonly<Record<Output, Node>>) {
      const inner = await referenceBackend().compile(outputs);
      return { ...inner, inputs: inner.inputs, flops: 0, run: () => Promise.resolve({} as never) };
    },
  });
  await userError(
    async () => (await shortened.compile({ x })).run(feeds),
    /backend "fast": its program, output "x", returned nothing; it should be float32\[2\]/,
  );
  await userError(
    () => open({ upload: undefined as never }),
    /what it opens has no function "upload"/,
  );
});

Deno.test("a promise that never resolves is an error that says whose it is", async () => {
  await userError(
    () => answered(new Promise(() => {}), 'plugin "mine": backend "b"', 0.2),
    /^plugin "mine": backend "b" has not answered in \d s: its promise never resolves$/,
  );
  assert.equal(await answered(Promise.resolve(3), "x", 1), 3);
});

Deno.test("a corpus gives documents and questions that are such", async () => {
  const corpus = (wrong: Partial<Corpus>) =>
    guarded({
      corpora: { mine: () => ({ name: "mine", kinds: [], documents: () => [], ...wrong }) },
    }).corpora!["mine"]!({ fetch: () => Promise.reject(new Error("none")) });
  const texts = await corpus({ documents: () => [{ text: "a" }, { text: "b" }] });
  assert.deepEqual([...texts.documents("train")], [{ text: "a" }, { text: "b" }]);
  await userError(
    async () => [...(await corpus({ documents: () => ["a"] as never })).documents("train")],
    /corpus "mine"\.documents\("train"\) yielded "a" at 0; it should be { text, spans\? }/,
  );
  const beyond = [{ text: "ab", spans: [{ start: 1, end: 3, kind: 0 }] }];
  await userError(
    async () => [...(await corpus({ documents: () => beyond })).documents("test")],
    /yielded {"text":"ab".* at 0/,
  );
  const question = [{ prompt: "p", choices: ["a"], answer: 1 }];
  await userError(
    async () => [...(await corpus({ questions: () => question })).questions!("test")],
    /questions\("test"\) yielded .*it should be { prompt, choices, answer }/,
  );
  await userError(() => corpus({ kinds: undefined as never }), /"kinds" is no list/);
});

Deno.test("a launcher returns an end for every trial, in their order", async () => {
  const trials: Trial[] = ["a", "b"].map((name) => ({ name, script: "", args: [], folder: name }));
  const launcher = (run: Launcher["run"]) =>
    guarded({
      launchers: [{
        name: "mine",
        description: "",
        options: z.object({}),
        create: () => ({ run }),
      }],
    }).launchers![0]!.create({});
  const end = (trial: Trial) => ({ trial, kept: false });
  const sweep = { path: ".", id: "x" };
  const right = launcher((all) => Promise.resolve(all.map(end)));
  assert.equal((await right.run(trials, sweep, {})).length, 2);
  for (const wrong of [[end(trials[0]!)], trials.toReversed().map(end), undefined as never]) {
    await userError(
      () => launcher(() => Promise.resolve(wrong)).run(trials, sweep, {}),
      /launcher "mine"\.run returned \d ends for 2 trials; it should be one for each/,
    );
  }
});
