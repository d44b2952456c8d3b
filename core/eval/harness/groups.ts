/** Tasks taken together. */

import { type TaskGroup } from "../../contracts/mod.ts";
import { pooled } from "./metrics.ts";
import { type GroupOutcome, type TaskOutcome } from "./outcome.ts";

/**
 * What came of each group, over those of its tasks that were asked; groups inside others come before
 * them, and a group of which nothing was asked is left out.
 */
export function groupOutcomes(
  groups: readonly TaskGroup[],
  tasks: readonly TaskOutcome[],
): GroupOutcome[] {
  const byName = new Map(groups.map((group) => [group.name, group]));
  const outcomes = new Map<string, TaskOutcome>(tasks.map((task) => [task.name, task]));
  const leaves = (name: string): TaskOutcome[] => {
    const group = byName.get(name);
    return group ? group.members.flatMap(leaves) : outcomes.has(name) ? [outcomes.get(name)!] : [];
  };
  const depth = (name: string): number =>
    1 + Math.max(0, ...(byName.get(name)?.members ?? []).map(depth));
  return [...groups].sort((a, b) => depth(a.name) - depth(b.name)).flatMap((group) => {
    const own = leaves(group.name);
    return own.length === 0 ? [] : [outcomeOf(group, own, (name) => leaves(name).length > 0)];
  });
}

function outcomeOf(
  { name, alias = name, version, members, metrics }: TaskGroup,
  tasks: readonly TaskOutcome[],
  isAsked: (name: string) => boolean,
): GroupOutcome {
  const wanted = tasks[0]!.metrics.filter(({ metric }) => metrics.includes(metric));
  return {
    name,
    alias,
    version,
    members: members.filter(isAsked),
    documents: tasks.reduce((sum, { documents }) => sum + documents, 0),
    metrics: wanted.map(({ metric, filter, aggregation, higherIsBetter }) => {
      const same = tasks.map((task) => ({
        documents: task.documents,
        ...task.metrics.find((own) => own.metric === metric && own.filter === filter)!,
      }));
      return { metric, filter, aggregation, higherIsBetter, ...pooled(same) };
    }),
  };
}
