/** Training: objective, compiled step, optimizer, schedules and loop. */
export * from "./device_optimizer.ts";
export * from "./frozen_weights.ts";
export * from "./head_loss.ts";
export * from "./objective.ts";
export * from "./optimizer.ts";
export * from "./schedule.ts";
export * from "./step.ts";
export * from "./student.ts";
export * from "./trained.ts";
export * from "./trainer.ts";
export * from "./adapter_files.ts";
export * from "./checkpoint.ts";
