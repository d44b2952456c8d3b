/** Checks what a module exports before anything of it is used. */

import { z } from "zod";
import { type DefinedPlugin, definePlugin, PLUGIN_API, UserError } from "../../contracts/mod.ts";
import { isCommonRouterKey } from "../config_schema.ts";
import { didYouMean } from "../did_you_mean.ts";

/**
 * What changed for plugins with each version of their interfaces, for the message that refuses an
 * older one. The first needs no entry.
 */
export const API_CHANGES: Readonly<Record<number, string>> = {};

/** Where this copy of dlr has its contracts. */
const { builtAgainst: OWN_COPY } = definePlugin({ name: "dlr" });

const text = (message: string) => z.string(message).min(1, message);
const call = (signature: string) =>
  z.custom<(...args: never[]) => unknown>(
    (value) => typeof value === "function",
    `give a function ${signature}`,
  );
const name = text("give a name");
const oneLine = text("give one line for --help");
const record = <T extends z.ZodType>(value: T, message: string) =>
  z.record(z.string(), value, message);

/** A schema of another copy of zod is as good, so what it can do counts. */
const options = z.custom<z.ZodObject>(
  (value) =>
    typeof value === "object" && value !== null && "shape" in value && "safeExtend" in value &&
    "safeParse" in value,
  "give a z.object({...}) of zod 4; z.strictObject({}) where there are none",
);

const namedModel = z.looseObject({
  description: oneLine,
  scale: z.enum(["small", "reference"], 'give "small" or "reference"').optional(),
  folder: text("give the path of a folder").optional(),
  hub: z.string().regex(/^[\w][\w.-]*\/[\w][\w.-]*$/, 'give "organisation/name"').optional(),
  config: z.record(z.string(), z.unknown(), "give an object, as in config.json").optional(),
  tokenizer: text("give the model whose tokenizer it has").optional(),
}, "give an object").superRefine((model, context) => {
  const given = (["folder", "hub", "config"] as const).filter((key) => model[key] !== undefined);
  const complain = (message: string) => context.addIssue({ code: "custom", message, input: model });
  if (given.length !== 1) complain("give one of folder, hub and config");
  if (given[0] === "config" && model.tokenizer === undefined) {
    complain('give "tokenizer" beside "config": the model whose tokenizer it has, such as "nano"');
  }
});

const architecture = z.looseObject({
  name,
  architectures: z.array(name, 'give a list of names, such as ["MyModelForCausalLM"]')
    .min(1, "give at least one name"),
  fromConfig: call("(config, source) => DecoderModel"),
}, "give a ModelKind");

const router = z.looseObject({
  name,
  description: oneLine,
  options,
  create: call("(options) => Router"),
}, "give a RouterKind").superRefine((kind, context) => {
  const taken = Object.keys(kind.options?.shape ?? {}).find(isCommonRouterKey);
  if (taken === undefined) return;
  context.addIssue({
    code: "custom",
    path: ["options", taken],
    message: "every router has a setting of that name: give the option another",
    input: taken,
  });
});

const task = z.looseObject({
  name,
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
  name,
  description: oneLine,
  version: z.string("give a version as text"),
  members: z.array(name, "give a list of names of tasks").min(1, "give at least one name"),
  metrics: z.array(name, "give a list of names of metrics").min(1, "give at least one name"),
}, "give a TaskGroup");

const launcher = z.looseObject({
  name,
  description: oneLine,
  options,
  create: call("(options) => Launcher"),
}, "give a LauncherKind");

const LIST = "give a list";
const BY_NAME = "give an object with a name for each";

const definition = z.object({
  name,
  architectures: z.array(architecture, LIST).optional(),
  models: record(namedModel, BY_NAME).optional(),
  routers: z.array(router, LIST).optional(),
  tasks: z.array(task, LIST).optional(),
  taskGroups: z.array(taskGroup, LIST).optional(),
  backends: record(call("(options) => Promise<Backend>"), BY_NAME).optional(),
  corpora: record(call("(repositories) => Corpus"), BY_NAME).optional(),
  launchers: z.array(launcher, LIST).optional(),
});

const KINDS = Object.keys(definition.shape).filter((key) => key !== "name");

/**
 * The plugin that a module exports.
 *
 * @param exported its default export
 * @param place where it is, for messages
 * @throws {UserError} when it is no plugin, was built for another version of the interfaces or with
 *   another copy of dlr, or does not hold what a plugin has to, naming the field and what it takes.
 */
export function readDefinition(
  exported: unknown,
  place: string,
  { api = PLUGIN_API, changes = API_CHANGES } = {},
): DefinedPlugin {
  const refuse = (why: string) => new UserError(`Cannot use the plugin ${place}: ${why}`);
  if (typeof exported !== "object" || exported === null) {
    throw refuse(
      'it has no default export that is a plugin; write "export default definePlugin({...})"',
    );
  }
  const given = exported as Readonly<Record<string, unknown>>;
  if (typeof given["api"] !== "number") {
    throw refuse(
      "its default export is not made by definePlugin; " +
        'write "export default definePlugin({...})", with definePlugin from "@dlr/dlr"',
    );
  }
  if (given["api"] !== api) throw refuse(otherVersion(given["api"], api, changes));
  if (given["builtAgainst"] !== OWN_COPY) {
    throw refuse(
      `it imports another copy of dlr (${
        String(given["builtAgainst"])
      }) than the one that runs, and ` +
        'graphs of two copies do not mix; import "@dlr/dlr" instead, which is the one that runs',
    );
  }
  const unknown = Object.keys(given).find((key) =>
    !["api", "builtAgainst", "name", ...KINDS].includes(key)
  );
  if (unknown !== undefined) {
    throw refuse(
      `it brings "${unknown}"${didYouMean(unknown, KINDS)} A plugin may bring ${KINDS.join(", ")}`,
    );
  }
  const checked = definition.safeParse(given, { reportInput: true });
  if (checked.success) return exported as DefinedPlugin;
  const { path, input, message } = checked.error.issues[0]!;
  throw refuse(`${pathOf(path)} ${stateOf(input)}; ${message}`);
}

function otherVersion(theirs: number, ours: number, changes: typeof API_CHANGES): string {
  const versions = `it was built for version ${theirs} of the plugin interfaces, this is ${ours}`;
  if (theirs > ours) return `${versions}; update dlr, or use an older version of the plugin`;
  const since = Object.entries(changes).filter(([version]) => Number(version) > theirs)
    .map(([, change]) => change);
  return [`${versions}; what changed: ${since.join("; ")}`, "update the plugin"].join("; ");
}

/** `routers[0].create`, as one would write it. */
function pathOf(path: readonly PropertyKey[]): string {
  return path.map((key, i) =>
    typeof key === "number"
      ? `[${key}]`
      : /^\w+$/.test(String(key))
      ? `${i === 0 ? "" : "."}${String(key)}`
      : `["${String(key)}"]`
  ).join("");
}

function stateOf(value: unknown): string {
  if (value === undefined) return "is missing";
  if (typeof value === "function") return "is a function";
  if (typeof value === "object" && value !== null) return "is not right";
  return `is ${JSON.stringify(value)}`;
}
