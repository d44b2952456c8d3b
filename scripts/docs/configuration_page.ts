/** The reference of settings, names and options, as a page of Markdown. */

import { type z } from "zod";
import { type ConfigKey, keysOf } from "../../core/run/config_keys.ts";
import { experimentSchema, isCommonRouterKey } from "../../core/run/config_schema.ts";
import { type Plugins } from "../../core/run/plugins/plugins.ts";
import { optionSections } from "./command_options.ts";
import { experimentSections } from "./experiment_settings.ts";
import { code, table } from "./markdown.ts";

const HEAD = `# Configuration

Every setting of an experiment, every name that one can take, and the options of the command lines.
This page is made by \`deno task docs:configuration\` from the schemas that check them; a test fails
where it is not what that makes.

- [Where a setting comes from](#where-a-setting-comes-from)
- [Settings](#settings)
- [Routers and their options](#routers-and-their-options)
- [What experiments set](#what-experiments-set)
- [Names](#names)
- [Options of command lines](#options-of-command-lines)

## Where a setting comes from

Later ones win:

1. the defaults in the tables below;
2. the experiment's own settings ([below](#what-experiments-set));
3. its settings at the reference's scale: with any model but nano, or with \`--scale reference\`;
4. its settings for \`--recipe reference\`, where it has such a recipe;
5. a JSON file, \`--config FILE\`;
6. named options, such as \`--steps\`;
7. \`--set key=value\`, which may be repeated; of the same key the last.

\`deno task exp10 --help\` lists the settings of one experiment with its defaults, and a run's
\`run.json\` holds all that it was trained with. A name that does not exist and a value out of its range
are refused before anything is loaded, with the nearest name or with what is allowed.

A key is a dotted path: \`--set lora.rank=8\`. Values are read as JSON where they can be, lists also with
commas: \`--set lora.targets=q_proj,v_proj\`, \`--set 'evaluation.budgets=[]'\`; a group at once is
\`--set 'lora={"rank": 8, "alpha": 16}'\`. A file has the same keys as a tree:

\`\`\`json
{
  "$schema": "docs/configuration.schema.json",
  "steps": 500,
  "router": { "name": "token-gumbel", "anchorLayers": 6 },
  "objective": { "targetSkip": 0.45 }
}
\`\`\`

Editors that know JSON Schema complete and check such a file by
[configuration.schema.json](configuration.schema.json), whose path, from the file, \`$schema\` may give.
`;

/** The whole page, not yet formatted. */
export function configurationPage(plugins: Plugins): string {
  return [
    HEAD,
    ...settingSections(plugins),
    ...routerSections(plugins),
    ...experimentSections(allKeys(plugins)),
    ...nameSections(plugins),
    ...optionSections(plugins),
  ].join("\n\n") + "\n";
}

/** The keys of all settings, those of every router included. */
function allKeys({ routers }: Plugins): string[] {
  const keys = Array.from(
    routers.entries(),
    ([, { options }]) => keysOf(experimentSchema(options as z.ZodObject)),
  );
  return [...new Set(keys.flat().map(({ key }) => key))];
}

/** The settings that all routers have, group by group. */
function settingSections({ routers }: Plugins): string[] {
  const [, any] = routers.entries().next().value!;
  const schema = experimentSchema(any.options as z.ZodObject);
  const all = keysOf(schema).filter(({ key }) =>
    !key.startsWith("router.") || isCommonRouterKey(key.slice("router.".length))
  );
  const groups = Map.groupBy(all, ({ key }) => key.includes(".") ? key.split(".")[0]! : "");
  return [
    "## Settings",
    ...Array.from(groups, ([group, keys]) => {
      const about = (schema.shape as Record<string, { description?: string }>)[group]?.description;
      const own = group === "router" ? ": what every router has" : about && `: ${about}`;
      return `### ${group === "" ? "The run" : `\`${group}\`${own ?? ""}`}\n\n${
        settingsTable(keys)
      }`;
    }),
  ];
}

function settingsTable(keys: readonly ConfigKey[]): string {
  return table(
    ["setting", "default", "what it is", "what it may be"],
    keys.map((setting) => [
      code(setting.key),
      code(showValue(setting.default)),
      setting.description,
      setting.allowed,
    ]),
  );
}

/** A default as it would be typed; nothing where there is none. */
function showValue(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function routerSections({ routers }: Plugins): string[] {
  return [
    "## Routers and their options",
    "`--set router.name=NAME` takes another router in any experiment; the options that the " +
    "experiment has set for its own router are left out then, those that every router has stay.",
    ...Array.from(routers.entries(), ([name, { description, options }]) => {
      const keys = keysOf(options as z.ZodObject).map((own) => ({
        ...own,
        key: `router.${own.key}`,
      }));
      const own = keys.length === 0 ? "It has no options of its own." : settingsTable(keys);
      return `### \`${name}\`\n\nIt ${description}.\n\n${own}`;
    }),
  ];
}

function nameSections(plugins: Plugins): string[] {
  const names = (title: string, rows: readonly (readonly [string, string])[]) =>
    table([title, "what it is"], rows.map(([name, about]) => [code(name), about]));
  const plain = (registry: { names(): string[] }) => registry.names().map(code).join(", ");
  return [
    "## Names",
    "What plugins bring, and what messages and `--help` list.",
    "### Models, for `--model`\n\n" +
    names(
      "name",
      Array.from(plugins.models.entries(), ([name, own]) => [name, own.description] as const),
    ) +
    "\n\nBesides these, a folder in Hugging Face format or a repository on the hub, whose " +
    `\`config.json\` names one of ${
      plugins.architectures.names().map(code).join(", ")
    }: [models](models.md).`,
    `### Text, for \`--data\`\n\n${
      plain(plugins.corpora)
    }, or the path of a \`.txt\`, \`.jsonl\` or \`.parquet\` file.`,
    `### Backends, for \`--backend\`\n\n${plain(plugins.backends)}.`,
    "### Tasks, for `--tasks`\n\nThose of MMLU's subjects, `mmlu_<subject>`, are left out here.\n\n" +
    names(
      "name",
      [...plugins.taskGroups.entries(), ...plugins.tasks.entries()]
        .filter(([name]) => !/^mmlu_/.test(name))
        .map(([name, { description }]) => [name, description] as const),
    ),
    "### Launchers, for `--launcher`\n\n" +
    names(
      "name",
      Array.from(plugins.launchers.entries(), ([name, own]) => [name, own.description] as const),
    ),
  ];
}
