/** The interfaces between core and plugins, and the errors that users can cause. */
export * from "./backend.ts";
export * from "./corpus.ts";
export * from "./errors.ts";
export * from "./launcher.ts";
export * from "./model.ts";
export * from "./plugin.ts";
export * from "./repositories.ts";
export * from "./rope.ts";
export * from "./router.ts";
export * from "./schema.ts";
export * from "./task.ts";
