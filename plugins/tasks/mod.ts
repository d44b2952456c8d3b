/** The tasks that come with dlr, as lm-evaluation-harness has them. */

import { type Task, type TaskGroup } from "../../core/contracts/mod.ts";
import { arcTasks } from "./arc.ts";
import { gsm8k } from "./gsm8k.ts";
import { hellaswag } from "./hellaswag.ts";
import { mmluGroups, mmluTasks } from "./mmlu.ts";
import { wikitext } from "./wikitext.ts";
import { winogrande } from "./winogrande.ts";

/** Every task. */
export const tasks: readonly Task[] = [
  ...arcTasks,
  gsm8k,
  hellaswag,
  winogrande,
  wikitext,
  ...mmluTasks,
];

/** Every group of tasks. */
export const taskGroups: readonly TaskGroup[] = mmluGroups;
