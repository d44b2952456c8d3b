/**
 * Writes a figure three ways: the Vega-Lite specification with its data (`.vl.json`, the source),
 * a vector picture (`.svg`) and a bitmap (`.png`).
 *
 * Vega and the renderer are large, so they are loaded when the first figure is drawn, not before.
 */

import type { TopLevelSpec } from "vega-lite";
import { writeFileAtomic } from "../io/atomic.ts";
import { fontFile, type TextWidth, textWidths } from "./fonts.ts";
import { COLUMN_THEME, FONT, THEME } from "./theme.ts";

/** Pixels of the PNG per unit of the figure: two look sharp on dense screens. */
const PNG_SCALE = 2;

/** The same for print: 384 to the inch. */
const PRINT_SCALE = 4;

/** What Vega measures texts by; its types leave it out. */
interface TextMetrics {
  readonly textMetrics: { width: TextWidth };
}

/** The files of a figure. */
export interface FigureFiles {
  readonly specification: string;
  readonly svg: string;
  readonly png: string;
}

/**
 * Draws `spec` in the common theme and writes `<basePath>.vl.json`, `.svg` and `.png`.
 *
 * @param basePath path without an ending; missing folders are made
 * @throws {UserError} when the files cannot be written.
 */
export async function writeFigure(
  basePath: string,
  spec: TopLevelSpec,
): Promise<FigureFiles> {
  const themed = withTheme(spec);
  const svg = await renderSvg(themed);
  const png = await renderPng(svg, spec.config === COLUMN_THEME ? PRINT_SCALE : PNG_SCALE);
  const files = {
    specification: `${basePath}.vl.json`,
    svg: `${basePath}.svg`,
    png: `${basePath}.png`,
  };
  writeFileAtomic(files.specification, JSON.stringify(themed, null, 1) + "\n");
  writeFileAtomic(files.svg, svg);
  writeFileAtomic(files.png, png);
  return files;
}

/** The figure with the common theme under its own settings. */
function withTheme(spec: TopLevelSpec): TopLevelSpec {
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    ...spec,
    config: { ...THEME, ...spec.config },
  };
}

/**
 * A figure as SVG.
 *
 * @param warn takes what Vega has to say about the specification. By default nobody does: a picture
 *   with a blemish must not fail the run that it closes. Tests of figures let none pass.
 */
export async function renderSvg(
  spec: TopLevelSpec,
  warn: (message: string) => void = () => {},
): Promise<string> {
  const [vega, vegaLite, widthOf] = await Promise.all([
    import("vega"),
    import("vega-lite"),
    textWidths(),
  ]);
  // Without a canvas Vega guesses, a third too wide; what it shows and what it cuts goes by this.
  (vega as unknown as TextMetrics).textMetrics.width = widthOf;
  const logger = vega.logger(vega.Warn);
  logger.warn = (...messages: readonly unknown[]) => {
    warn(messages.join(" "));
    return logger;
  };
  const compiled = vegaLite.compile(spec, { logger });
  const view = new vega.View(vega.parse(compiled.spec), { renderer: "none", logger });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

type Rasterizer = (svg: string, scale: number) => Uint8Array;

let rasterizer: Promise<Rasterizer> | undefined;

/** An SVG as PNG. @param scale pixels per unit */
export async function renderPng(svg: string, scale = PNG_SCALE): Promise<Uint8Array> {
  rasterizer ??= loadRasterizer();
  return (await rasterizer)(svg, scale);
}

/** Loads the renderer and the fonts. Without fonts it would leave out all text, silently. */
async function loadRasterizer(): Promise<Rasterizer> {
  const { initWasm, Resvg } = await import("@resvg/resvg-wasm");
  const [wasm, ...fontBuffers] = await Promise.all([
    Deno.readFile(new URL(import.meta.resolve("@resvg/resvg-wasm/index_bg.wasm"))),
    fontFile("regular"),
    fontFile("bold"),
  ]);
  await initWasm(wasm);
  return (svg, scale) => {
    const image = new Resvg(svg, {
      font: { fontBuffers, defaultFontFamily: FONT },
      fitTo: { mode: "zoom", value: scale },
    });
    const rendered = image.render();
    try {
      return rendered.asPng();
    } finally {
      rendered.free();
      image.free();
    }
  };
}
