/** The tasks that `--tasks` names. */

import assert from "node:assert/strict";
import { type Task, type TaskGroup } from "../../../../core/contracts/mod.ts";
import { tasksNamed } from "../../../../core/run/evaluation/options.ts";
import { Plugins } from "../../../../core/run/plugins/plugins.ts";
import { builtinPlugins } from "../../../../plugins/mod.ts";
import { userError } from "../../io/support.ts";

const group = (name: string, members: string[], metrics = ["acc"]): TaskGroup => ({
  name,
  description: "a group",
  version: "1",
  members,
  metrics,
});

/** Two tasks and these groups. */
function pluginsWith(...taskGroups: TaskGroup[]): Plugins {
  const task = (name: string, metrics: string[]) =>
    ({ name, metrics: metrics.map((metric) => ({ name: metric })) }) as unknown as Task;
  const plugins = new Plugins();
  const tasks = [task("one", ["acc", "acc_norm"]), task("two", ["acc"])];
  plugins.add({ name: "p", tasks, taskGroups }, "a test");
  return plugins;
}

const namesOf = (wanted: string[], plugins: Plugins) => {
  const { tasks, groups } = tasksNamed(wanted, plugins);
  return [tasks.map(({ name }) => name), groups.map(({ name }) => name)];
};

Deno.test("groups are taken apart, inner ones before outer ones, and each task is there once", () => {
  const plugins = pluginsWith(group("inner", ["one"]), group("outer", ["inner", "two", "inner"]));
  assert.deepEqual(namesOf(["two", "outer"], plugins), [["two", "one"], ["inner", "outer"]]);
  assert.deepEqual(namesOf(["one", "one"], plugins), [["one"], []]);
});

Deno.test("a group that is within itself is refused, however far in", async () => {
  const plugins = pluginsWith(
    group("self", ["one", "self"]),
    group("a", ["b"]),
    group("b", ["one", "c"]),
    group("c", ["a"]),
  );
  await userError(
    () => tasksNamed(["self"], plugins),
    'The group of tasks "self" is among its own members: take it out of them',
  );
  await userError(
    () => tasksNamed(["a"], plugins),
    'The group of tasks "a" is among its own members, by way of b, c: take it out of them',
  );
});

Deno.test("a group that averages what one of its tasks does not yield is refused", async () => {
  const plugins = pluginsWith(
    group("norms", ["one", "two"], ["acc", "acc_norm"]),
    group("around", ["all"], ["acc_norm"]),
    group("all", ["one", "two"]),
  );
  await userError(
    () => tasksNamed(["norms"], plugins),
    'The group of tasks "norms" averages "acc_norm", which its task "two" does not yield: it yields acc',
  );
  await userError(() => tasksNamed(["around"], plugins), '"around" averages "acc_norm"');
  assert.deepEqual(namesOf(["all"], plugins), [["one", "two"], ["all"]]);
});

Deno.test("a name that there is not is refused, with the group that it stands in", async () => {
  const plugins = pluginsWith(group("all", ["one", "twwo"]));
  await userError(
    () => tasksNamed(["all"], plugins),
    'There is no task "twwo", which is a member of the group "all", did you mean "two"?',
  );
  await userError(
    () => tasksNamed(["tree"], plugins),
    'There is no task "tree"; there are: all, one',
  );
});

Deno.test("every group that is built in can be asked", () => {
  const plugins = builtinPlugins();
  for (const name of plugins.taskGroups.names()) {
    const { tasks, groups } = tasksNamed([name], plugins);
    assert.ok(tasks.length > 0 && groups.some((each) => each.name === name));
  }
});
