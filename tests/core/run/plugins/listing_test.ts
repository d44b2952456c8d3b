/** What there is to choose from, as it is listed. */

import assert from "node:assert/strict";
import { listPlugins, namesOf, showListing } from "../../../../core/run/plugins/listing.ts";
import { builtinPlugins } from "../../../../plugins/mod.ts";

const plugins = builtinPlugins();
const listed = listPlugins(plugins);

Deno.test("everything that can be chosen is listed with who brings it and a word on it", () => {
  const { models, routers, corpora, tasks, taskGroups, backends, launchers } = plugins;
  const all = [models, routers, corpora, tasks, taskGroups, backends, launchers];
  for (const name of all.flatMap((registry) => registry.names())) {
    const found = listed.find((each) => each.name === name);
    assert.ok(found && found.from === "dlr" && found.description !== "", name);
  }
  const router = listed.find(({ name }) => name === "token-gumbel");
  assert.match(router!.options!["initialBias"]!, /bias of the last layer/);
});

Deno.test("members of groups are shown with the options only, whatever they are called", () => {
  const members = Array.from(plugins.taskGroups.entries()).flatMap(([, group]) => group.members)
    .filter((name) => plugins.tasks.has(name));
  assert.ok(members.includes("mmlu_anatomy") && members.includes("mmlu_abstract_algebra"));
  const linesOf = (text: string) => new Set(text.split("\n").map((line) => line.split(" ")[0]));
  const short = showListing(listed, false);
  assert.deepEqual(members.filter((name) => linesOf(short).has(name)), []);
  assert.match(short, new RegExp(`\\(${members.length} more in groups; --options shows all\\)`));
  const long = linesOf(showListing(listed, true));
  assert.deepEqual(members.filter((name) => !long.has(name)), []);
  for (const name of ["mmlu", "mmlu_stem", "arc_easy"]) assert.ok(linesOf(short).has(name), name);
});

Deno.test("--help names what there is, a line for each kind", () => {
  assert.match(namesOf(plugins), /^ {2}models: nano, .*\n {2}corpora: .*\n {2}routers: static, /);
});
