/** Markdown that a program writes. */

import { UserError } from "../../core/contracts/errors.ts";

/** A table; bars within cells are escaped. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(titles), line(titles.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Text as code; nothing stays nothing. */
export function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}

/** The form that `deno fmt` gives a text, so that a file that is made can be checked in. */
export async function formatted(text: string, language: "md" | "json"): Promise<string> {
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", "--config", config, `--ext=${language}`, "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const [made, complaint] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (success) return made!;
  throw new UserError(`deno fmt cannot read what was made: ${complaint!.trim()}`);
}
