/** Commands of a shell block, taken apart as a shell would. */

/**
 * The commands of a block, one each: lines that end in `\` and quotes that stay open go on in the next
 * line, comments are left out.
 *
 * @throws {Error} when a quote is never closed.
 */
export function commandsIn(block: string): string[] {
  const commands: string[] = [];
  let open = "";
  for (const line of block.replaceAll(/\s*\\\n\s*/g, " ").split("\n")) {
    open = open === "" ? line : `${open}\n${line}`;
    const words = wordsIn(open);
    if (words === undefined) continue;
    if (words.length > 0) commands.push(withoutComment(open));
    open = "";
  }
  if (open !== "") throw new Error(`a quote is not closed in ${JSON.stringify(block)}`);
  return commands;
}

/** Everything before a `#` that begins a word outside of quotes. */
function withoutComment(command: string): string {
  const [text] = /^(?:[^"'#]|"[^"]*"|'[^']*'|(?<=\S)#)*/.exec(command)!;
  return text.trim();
}

/** The words of a command without their quotes; undefined while a quote is open. */
export function wordsIn(command: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < command.length; i++) {
    const letter = command[i]!;
    if (quote !== "") {
      if (letter === quote) quote = "";
      else word = (word ?? "") + letter;
    } else if (letter === '"' || letter === "'") {
      quote = letter;
      word ??= "";
    } else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (letter === "#" && word === undefined) {
      while (i + 1 < command.length && command[i + 1] !== "\n") i++;
    } else {
      word = (word ?? "") + letter;
    }
  }
  if (quote !== "") return undefined;
  if (word !== undefined) words.push(word);
  return words;
}
