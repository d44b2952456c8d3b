/** Text whose tokens show by how many layers they were written. */

/** Backgrounds from few layers to all, of the 256 colours that terminals know: blue to yellow. */
const SCALE = [18, 25, 31, 37, 72, 108, 144, 180, 221, 226];
/** From here on the backgrounds are bright. */
const BRIGHT = 5;
const RESET = "\x1b[0m";
const SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉";

/** How many of how many layers. */
export interface LayersRun {
  readonly layers: number;
  readonly of: number;
}

/** `text` on a background that says how many layers it took, or with that number after it. */
export function withDepth(text: string, { layers, of }: LayersRun, inColour: boolean): string {
  if (text === "") return "";
  if (!inColour) {
    return text + String(layers).replaceAll(/\d/g, (digit) => SUBSCRIPTS[Number(digit)]!);
  }
  const place = Math.min(SCALE.length - 1, Math.floor(SCALE.length * layers / of));
  const ink = place >= BRIGHT ? 16 : 231;
  const start = `\x1b[48;5;${SCALE[place]};38;5;${ink}m`;
  // A background that crosses the end of a line would fill it to the edge of the window.
  return text.split("\n").map((line) => line === "" ? "" : start + line + RESET).join("\n");
}

/** What the backgrounds mean. */
export function depthLegend(of: number): string {
  const steps = SCALE.map((_, place) => {
    const layers = Math.ceil(place * of / SCALE.length);
    return withDepth(` ${layers} `, { layers, of }, true);
  });
  return `layers ${steps.join("")} of ${of}`;
}
