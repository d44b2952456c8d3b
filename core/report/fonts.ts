/** The fonts of figures: their files, and how wide they make a text. */

/**
 * What of opentype.js is used. Its published types bring those of browsers with them, which would then
 * hold for the whole project.
 */
interface OpenType {
  parse(file: ArrayBuffer): Font;
}
interface Font {
  readonly unitsPerEm: number;
  charToGlyph(letter: string): { readonly advanceWidth?: number };
}

const FILES = { regular: "ttf/DejaVuSans.ttf", bold: "ttf/DejaVuSans-Bold.ttf" } as const;

/** A font of figures as a file. */
export function fontFile(weight: keyof typeof FILES): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(new URL(FILES[weight], import.meta.resolve("dejavu-fonts-ttf")));
}

/** What Vega says of a text that it wants to know the width of. */
export interface TextItem {
  readonly fontSize?: number;
  readonly fontWeight?: string | number;
  /** Longer texts are cut to this width; 0 or absent: none. */
  readonly limit?: number;
}

/** The width of a text in the units of the figure. */
export type TextWidth = (item: TextItem, text: unknown) => number;

let widths: Promise<TextWidth> | undefined;

/** Loads the fonts, once, and measures by them. */
export function textWidths(): Promise<TextWidth> {
  return widths ??= loadWidths();
}

/** Size of a text unless it says another; Vega's own. */
const USUAL_SIZE = 11;

async function loadWidths(): Promise<TextWidth> {
  const { default: opentype }: { readonly default: OpenType } = await import("opentype.js");
  const load = async (weight: keyof typeof FILES): Promise<Font> =>
    opentype.parse((await fontFile(weight)).buffer);
  const [regular, bold] = await Promise.all([load("regular"), load("bold")]);
  return ({ fontSize = USUAL_SIZE, fontWeight, limit = 0 }, text) => {
    if (text === undefined || text === null) return 0;
    const isBold = fontWeight === "bold" || Number(fontWeight) >= 600;
    const width = fontSize * lengthIn(isBold ? bold : regular, String(text).trim());
    return limit > 0 ? Math.min(width, limit) : width;
  };
}

/** Length of a text at size 1, without kerning, which these fonts have next to none of. */
function lengthIn(font: Font, text: string): number {
  let units = 0;
  for (const letter of text) units += font.charToGlyph(letter).advanceWidth ?? 0;
  return units / font.unitsPerEm;
}
