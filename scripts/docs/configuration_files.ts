/** The files that the reference of settings consists of. */

import { type Plugins } from "../../core/run/plugins/plugins.ts";
import { configurationPage } from "./configuration_page.ts";
import { formatted } from "./markdown.ts";
import { settingsSchema } from "./settings_schema.ts";

/** What each file says, by its path below the root of the repository. */
export async function configurationFiles(
  plugins: Plugins,
): Promise<Readonly<Record<string, string>>> {
  const schema = JSON.stringify(settingsSchema(plugins), null, 2);
  return {
    "docs/configuration.md": await formatted(configurationPage(plugins), "md"),
    "docs/configuration.schema.json": await formatted(schema, "json"),
  };
}
