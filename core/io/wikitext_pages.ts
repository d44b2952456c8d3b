/** Articles of a WikiText file, cut as the hub's data set of whole articles is. */

/** An article with all its white space. */
interface Page {
  readonly page: string;
  /** The number of its first line. */
  readonly line: number;
}

/**
 * The articles of a text, those without any text left out. An article begins with the line of its
 * title, ` = Title = `; titles of its sections, ` = = Title = = `, have more signs.
 */
export function wikitextPages(text: string): Page[] {
  const pages: Page[] = [];
  const lines = text.split("\n");
  let start = 0;
  const end = (at: number) => {
    const page = lines.slice(start, at).join("\n");
    if (page.trim() !== "") pages.push({ page, line: start + 1 });
    start = at;
  };
  lines.forEach((line, at) => {
    if (isTitle(line)) end(at);
  });
  end(lines.length);
  return pages;
}

function isTitle(line: string): boolean {
  // Signs of sections are drawn together first, so that none of them begins with a single one.
  const probe = line.replaceAll("= = =", "===").replaceAll("= =", "==").trim();
  return probe.startsWith("= ") && probe.endsWith(" =");
}
