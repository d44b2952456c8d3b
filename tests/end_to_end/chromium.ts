/** Leading a browser that is installed here, from a process of its own. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { assertFinished, outcomeOf } from "./command.ts";

const PLAYWRIGHT = "npm:playwright-core@1.65.1";

/** The browser is led from a process with all permissions, which playwright asks for. */
const LEADING = ["run", "-A", "--quiet", "--no-config", "--no-lock", "--cached-only"];

const COMMANDS = ["chromium", "chromium-browser", "google-chrome"];

/** Where a browser is installed. */
function chromium(): string | undefined {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.flatMap((folder) => COMMANDS.map((command) => join(folder, command)))
    .find((path) => existsSync(path));
}

/** The files of a package in Deno's cache. */
export function cachedPackage(specifier: string): string | undefined {
  const { stdout } = new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config"],
    stderr: "null",
  }).outputSync();
  const { npmCache } = JSON.parse(new TextDecoder().decode(stdout));
  const path = specifier.replace("npm:", "").replace(/@(?=[^@]+$)/, "/");
  const registries = existsSync(npmCache) ? readdirSync(npmCache) : [];
  return registries.map((registry) => join(npmCache, registry, path)).find(existsSync);
}

/**
 * What this machine lacks for a test in a browser.
 *
 * @param packages what is not among the project's own: it is used where Deno's cache has it
 */
export function lacksForBrowser(...packages: readonly string[]): string | undefined {
  if (!chromium()) return "Chromium";
  const wanted = [PLAYWRIGHT, ...packages];
  const cached = wanted.every((specifier) => cachedPackage(specifier));
  return cached ? undefined : `deno cache --no-config --no-lock ${wanted.join(" ")}`;
}

/** What of playwright is used. */
export interface Page {
  goto(address: string): Promise<unknown>;
  evaluate<Given, Made>(
    body: string | ((given: Given) => Made | Promise<Made>),
    given?: Given,
  ): Promise<Made>;
  getByLabel(label: string): Field;
  getByRole(role: string, options?: { readonly name: string }): Field;
  locator(selector: string): Field;
  on(event: "pageerror", listener: (error: Error) => void): void;
  on(
    event: "console",
    listener: (message: { type(): string; text(): string }) => void,
  ): void;
  on(event: "request", listener: (request: { url(): string }) => void): void;
  readonly keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> };
  close(): Promise<void>;
}

/** Something on a page. */
export interface Field {
  fill(text: string): Promise<void>;
  press(key: string): Promise<void>;
  focus(): Promise<void>;
  waitFor(): Promise<void>;
  isVisible(): Promise<boolean>;
  count(): Promise<number>;
  first(): Field;
  textContent(): Promise<string>;
  allTextContents(): Promise<string[]>;
  all(): Promise<Field[]>;
  getAttribute(name: string): Promise<string>;
}

/** A browser. */
export interface Browser {
  newPage(options?: {
    readonly viewport?: { readonly width: number; readonly height: number };
    readonly colorScheme?: "light" | "dark";
  }): Promise<Page>;
}

/**
 * Leads a browser.
 *
 * @param folder where the leading program is put
 * @param scene runs in a process of its own, so it uses nothing of the file it stands in
 * @param given becomes JSON, as does what the scene returns
 */
export async function inBrowser<Given, Found>(
  folder: string,
  scene: (browser: Browser, given: Given) => Promise<Found>,
  given: Given,
): Promise<Found> {
  const program = join(folder, "lead.mjs");
  const options = { executablePath: chromium() };
  const source = `import { chromium } from "${PLAYWRIGHT}";
    const browser = await chromium.launch(${JSON.stringify(options)});
    const found = await (${scene})(browser, ${JSON.stringify(given)});
    await browser.close();
    console.log(JSON.stringify(found));
    Deno.exit();`;
  Deno.writeTextFileSync(program, source);
  const outcome = await outcomeOf(
    new Deno.Command(Deno.execPath(), {
      args: [...LEADING, program],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
  assertFinished(outcome);
  return JSON.parse(outcome.stdout);
}
