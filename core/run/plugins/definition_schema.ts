/** What a definition has to hold, field by field, with what each takes. */

import { z } from "zod";
import { keysOf } from "../config_keys.ts";
import { isCommonRouterKey } from "../config_schema.ts";
import { isSweepOption } from "../sweep/option_names.ts";
import { firstNotJson } from "./json_value.ts";

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const text = (message: string) => z.string(message).min(1, message);
const call = (signature: string) =>
  z.custom<(...args: never[]) => unknown>(
    (value) => typeof value === "function",
    `give a function ${signature}`,
  );
const name = text("give a name");
const oneLine = z.string("give one line for --help").regex(
  /^[^\n\r]+$/,
  "give one line for --help",
);

/** What is chosen by name names files too: a model's folder, a task's samples. */
const choice = z.string("give a name").regex(
  /^[A-Za-z0-9][\w.+-]*$/,
  "give a name of letters, digits, dots, dashes and underscores",
);

/** Values by name. Through a map, as an object may have any of these names for its own: `constructor`. */
const record = <T extends z.ZodType>(value: T) =>
  z.preprocess(
    (all) => isObject(all) ? new Map(Object.entries(all)) : all,
    z.map(choice, value, "give an object with a name for each"),
  );

/** The first minor version of zod 4 whose schemas can be extended with their rules kept. */
const ZOD_MINOR = 1;

/** A schema of another copy of zod is as good, so what it can do counts. */
const options = z.custom<z.ZodObject>(
  (value) =>
    typeof value === "object" && value !== null && "shape" in value && "safeExtend" in value &&
    "safeParse" in value,
  {
    error: ({ input }) => {
      const { major, minor } = (input as z.ZodType | undefined)?._zod?.version ?? {};
      return major === 4 && minor !== undefined && minor < ZOD_MINOR
        ? `it is of zod ${major}.${minor}: give one of zod ${major}.${ZOD_MINOR} or later`
        : `give a z.object({...}) of zod 4.${ZOD_MINOR} or later; z.strictObject({}) where there ` +
          "are none";
    },
  },
);

/** Refuses names of options for what `wrong` says of them. */
const refuseOptions = (wrong: (key: string) => string | undefined) =>
(
  kind: { readonly options: z.ZodObject },
  context: z.RefinementCtx,
) => {
  for (const key of Object.keys(kind.options.shape)) {
    const message = /^[a-z][A-Za-z0-9]*$/.test(key)
      ? wrong(key)
      : 'give the option a name in camel case, such as "arrayLimit"';
    if (message === undefined) continue;
    context.addIssue({ code: "custom", path: ["options", key], message, input: key });
  }
};

const namedModel = z.looseObject({
  description: oneLine,
  scale: z.enum(["small", "reference"], 'give "small" or "reference"').optional(),
  folder: text("give the path of a folder").optional(),
  hub: z.string().regex(/^[\w][\w.-]*\/[\w][\w.-]*$/, 'give "organisation/name"').optional(),
  config: z.custom<object>(isObject, "give an object, as in config.json").optional(),
  tokenizer: text("give the model whose tokenizer it has").optional(),
}, "give an object").superRefine((model, context) => {
  const given = (["folder", "hub", "config"] as const).filter((key) => model[key] !== undefined);
  const complain = (message: string) => context.addIssue({ code: "custom", message, input: model });
  if (given.length !== 1) complain("give one of folder, hub and config");
  if (given[0] === "config" && model.tokenizer === undefined) {
    complain('give "tokenizer" beside "config": the model whose tokenizer it has, such as "nano"');
  }
  const foreign = model.config && firstNotJson(model.config);
  if (foreign !== undefined) {
    context.addIssue({
      code: "custom",
      path: ["config", ...foreign.path],
      message: "a config.json holds text, numbers, true, false, null, lists and objects of these",
      input: foreign.value,
    });
  }
});

const architecture = z.looseObject({
  name,
  architectures: z.array(name, 'give a list of names, such as ["MyModelForCausalLM"]')
    .min(1, "give at least one name"),
  fromConfig: call("(config, source) => DecoderModel"),
}, "give a ModelKind");

const router = z.looseObject({
  name: choice,
  description: oneLine,
  options,
  create: call("(options) => Router"),
}, "give a RouterKind").superRefine(
  refuseOptions((key) =>
    isCommonRouterKey(key)
      ? "every router has a setting of that name: give the option another"
      : undefined
  ),
);

const task = z.looseObject({
  name: choice,
  description: oneLine,
  version: z.number("give a number"),
  outputType: z.enum(
    ["multiple_choice", "generate_until", "loglikelihood_rolling"],
    "give multiple_choice, generate_until or loglikelihood_rolling",
  ),
  dataset: z.looseObject({ folder: text("give the name of a folder") }, "give a TaskDataset"),
  split: text("give the split whose documents are asked"),
  metrics: z.array(
    z.looseObject({
      name,
      aggregation: z.enum(
        ["mean", "weighted_perplexity", "bits_per_byte"],
        "give mean, weighted_perplexity or bits_per_byte",
      ),
      higherIsBetter: z.boolean("give true or false"),
    }, "give a Metric"),
    "give a list of metrics",
  ).min(1, "give at least one metric"),
  document: call("(row) => Doc"),
  question: call("(doc) => string"),
  answer: call("(doc) => string"),
  requests: call("(doc, prefix) => TaskRequest[]"),
  target: call("(doc) => string"),
  score: call("(doc, answers) => Scored[]"),
}, "give a Task");

const taskGroup = z.looseObject({
  name: choice,
  description: oneLine,
  version: z.string("give a version as text"),
  members: z.array(name, "give a list of names of tasks").min(1, "give at least one name"),
  metrics: z.array(name, "give a list of names of metrics").min(1, "give at least one name"),
}, "give a TaskGroup");

const launcher = z.looseObject({
  name: choice,
  description: oneLine,
  options,
  create: call("(options) => Launcher"),
}, "give a LauncherKind").superRefine(refuseOptions((key) => {
  if (isSweepOption(key)) return "sweeps have an option of that name: give the launcher's another";
  return /^no[A-Z]/.test(key)
    ? "--no-… takes an option back: give it a name that does not begin so"
    : undefined;
})).superRefine(({ options }, context) => {
  // What is listed by a longer name than in the object is within a group of options.
  const inner = keysOf(options).find(({ key }) => !Object.hasOwn(options.shape, key));
  if (inner === undefined) return;
  context.addIssue({
    code: "custom",
    path: ["options", ...inner.key.split(".")],
    message: "a command line has no groups of options: give it one of its own",
    input: inner,
  });
});

const LIST = "give a list";

/** A plugin, but for what `definePlugin` adds. */
export const definition = z.object({
  name,
  architectures: z.array(architecture, LIST).optional(),
  models: record(namedModel).optional(),
  routers: z.array(router, LIST).optional(),
  tasks: z.array(task, LIST).optional(),
  taskGroups: z.array(taskGroup, LIST).optional(),
  backends: record(call("(options) => Promise<Backend>")).optional(),
  corpora: record(call("(repositories) => Corpus")).optional(),
  launchers: z.array(launcher, LIST).optional(),
});
