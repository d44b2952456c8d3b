/** Tasks as lm-evaluation-harness counts them. */
export * from "./ask.ts";
export * from "./few_shot.ts";
export * from "./groups.ts";
export * from "./metrics.ts";
export * from "./outcome.ts";
export * from "./paired.ts";
export * from "./python_random.ts";
export * from "../python_text.ts";
export * from "./results.ts";
export * from "./samples.ts";
export * from "./task_kinds.ts";
export * from "./task_run.ts";
