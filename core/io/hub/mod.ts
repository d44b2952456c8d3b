/** Files of the Hugging Face hub, in the cache that is shared with Python. */
export type { HubProgress } from "./progress.ts";
export type { HubRepository } from "./repository.ts";
export * from "./settings.ts";
export * from "./snapshot.ts";
