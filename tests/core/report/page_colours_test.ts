/** The report's colours: told apart by readers who see fewer of them, and seen on their ground. */

import assert from "node:assert/strict";

const STYLE = Deno.readTextFileSync(
  new URL("../../../core/report/page/colours.css", import.meta.url),
);

type Triple = readonly [number, number, number];

/** What colours become, in linear RGB: Machado, Oliveira and Fernandes (2009), full severity. */
const SIGHTS: Readonly<Record<string, readonly Triple[]>> = {
  full: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

function linear(hex: string): Triple {
  const channel = (at: number) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

const luminance = ([r, g, b]: Triple) => 0.2126 * r + 0.7152 * g + 0.0722 * b;

/** CIELAB under D65. */
function lab([r, g, b]: Triple): Triple {
  const f = (t: number) => t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116;
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047);
  const y = f(luminance([r, g, b]));
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function contrast(a: string, b: string): number {
  const [low, high] = [a, b].map((hex) => luminance(linear(hex)) + 0.05).sort((p, q) => p - q);
  return high! / low!;
}

/** The variables of the light theme and of the dark one. */
const THEMES = ["light", "dark"].map((name, at) => {
  const pairs = STYLE.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);/g);
  const all = Object.fromEntries(Array.from(pairs, (pair) => [pair[1]!, pair[2 + at]!]));
  const row = (letter: string, count: number) =>
    Array.from({ length: count }, (_, i) => all[`${letter}${i}`]!);
  return { name, all, lines: row("c", 7), shades: row("s", 9) };
});

for (const { name, all, lines, shades } of THEMES) {
  Deno.test(`any two lines of the ${name} theme differ for every reader, and stand out`, () => {
    for (const [sight, matrix] of Object.entries(SIGHTS)) {
      const seen = lines.map((hex) => {
        const rgb = linear(hex);
        const clipped = matrix.map((row) =>
          Math.min(1, Math.max(0, row.reduce((sum, part, i) => sum + part * rgb[i]!, 0)))
        );
        return lab(clipped as unknown as Triple);
      });
      seen.forEach((a, i) =>
        seen.slice(i + 1).forEach((b, j) => {
          const apart = Math.hypot(...a.map((value, axis) => value - b[axis]!));
          assert.ok(apart > 20, `${sight}: ${lines[i]} and ${lines[i + 1 + j]} are ${apart} apart`);
        })
      );
    }
    for (const hex of lines) assert.ok(contrast(hex, all["card"]!) >= 3, `${hex} on the card`);
  });

  Deno.test(`the scale of the ${name} theme goes one way, and its numbers can be read`, () => {
    const light = shades.map((hex) => luminance(linear(hex)));
    const sorted = light.toSorted((a, b) => name === "light" ? b - a : a - b);
    assert.deepEqual(light, sorted);
    const inks = shades.map((_, i) => i < 3 ? all["on-low"]! : i > 5 ? all["on-high"]! : "#10202c");
    shades.forEach((hex, i) => assert.ok(contrast(hex, inks[i]!) >= 4.5, `${inks[i]} on ${hex}`));
  });
}
