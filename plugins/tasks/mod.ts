/** The tasks that come with dlr, as lm-evaluation-harness has them. */

import { type Task, type TaskGroup } from "../../core/contracts/mod.ts";
import { arcTasks } from "./arc.ts";
import { gsm8k } from "./gsm8k.ts";
import { mmluGroups, mmluTasks } from "./mmlu.ts";
import { wikitext } from "./wikitext.ts";

/** Every task. */
export const tasks: readonly Task[] = [...arcTasks, gsm8k, wikitext, ...mmluTasks];

/** Every group of tasks. */
export const taskGroups: readonly TaskGroup[] = mmluGroups;
