/**
 * How far a long job is: a bar on a terminal, and otherwise a plain line now and then, so that a
 * log stays readable. Everything goes to stderr; stdout is for results.
 */

import process from "node:process";
import { Presets, SingleBar } from "cli-progress";

/** Shows how far a job is. */
export interface Progress {
  /** The job has done `step` of its steps; `values` are shown beside it, such as `{ loss: 3.1 }`. */
  update(step: number, values?: Readonly<Record<string, number | string>>): void;
  /** Prints a line that stays, such as the result of an evaluation. */
  note(line: string): void;
  /** Takes the bar away. Call it before anything else is printed. */
  stop(): void;
}

/** The job to show. */
export interface ProgressOptions {
  /** What is being done, in a word. */
  readonly label: string;
  /** Number of steps. */
  readonly total: number;
  /** Steps done already, in a run that is continued. */
  readonly start?: number;
  /** Show nothing but notes. */
  readonly quiet?: boolean;
  /** Least time between two plain lines, in seconds; default 10. */
  readonly secondsBetweenLines?: number;
  /** Where to print; default stderr. */
  readonly stream?: NodeJS.WriteStream;
  /** A clock in milliseconds; default the real one. */
  readonly now?: () => number;
}

/** A bar where the stream is a terminal, plain lines where it is not. */
export function createProgress(options: ProgressOptions): Progress {
  const stream = options.stream ?? process.stderr;
  if (options.quiet === true) return new QuietProgress(stream);
  return stream.isTTY ? new BarProgress(options, stream) : new LineProgress(options, stream);
}

/** Estimates the time that is left from the pace since the start of this process. */
class Pace {
  readonly #now: () => number;
  readonly #startTime: number;
  readonly #startStep: number;
  readonly #total: number;

  constructor({ total, start = 0, now = () => performance.now() }: ProgressOptions) {
    this.#now = now;
    this.#startTime = now();
    this.#startStep = start;
    this.#total = total;
  }

  /** Seconds since the start. */
  elapsed(): number {
    return (this.#now() - this.#startTime) / 1000;
  }

  /** `1m 20s`, or `?` before the first step. */
  left(step: number): string {
    const done = step - this.#startStep;
    if (done <= 0) return "?";
    return formatDuration(this.elapsed() / done * (this.#total - step));
  }
}

class BarProgress implements Progress {
  readonly #bar: SingleBar;
  readonly #pace: Pace;
  readonly #stream: NodeJS.WriteStream;
  readonly #total: number;
  #step: number;
  #payload = { values: "", left: "?" };

  constructor(options: ProgressOptions, stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#pace = new Pace(options);
    this.#total = options.total;
    this.#step = options.start ?? 0;
    this.#bar = new SingleBar({
      format: `${options.label} {bar} {value}/{total}  {values}  {left} left`,
      stream,
      barsize: 24,
      clearOnComplete: true,
      // Otherwise Ctrl-C would be taken by the bar, not by the run that has to save itself.
      gracefulExit: false,
    }, Presets.shades_classic);
    this.#bar.start(this.#total, this.#step, this.#payload);
  }

  update(step: number, values: Readonly<Record<string, number | string>> = {}): void {
    this.#step = step;
    this.#payload = { values: showValues(values), left: this.#pace.left(step) };
    this.#bar.update(step, this.#payload);
  }

  note(line: string): void {
    // The bar goes back to the line it began on when it stops: it has to begin below the note.
    this.#bar.stop();
    this.#stream.write(line + "\n");
    this.#bar.start(this.#total, this.#step, this.#payload);
  }

  stop(): void {
    this.#bar.stop();
  }
}

class LineProgress implements Progress {
  readonly #options: ProgressOptions;
  readonly #stream: NodeJS.WriteStream;
  readonly #pace: Pace;
  #lastLine = -Infinity;

  constructor(options: ProgressOptions, stream: NodeJS.WriteStream) {
    this.#options = options;
    this.#stream = stream;
    this.#pace = new Pace(options);
  }

  update(step: number, values: Readonly<Record<string, number | string>> = {}): void {
    const { label, total, secondsBetweenLines = 10 } = this.#options;
    const elapsed = this.#pace.elapsed();
    if (step < total && elapsed - this.#lastLine < secondsBetweenLines) return;
    this.#lastLine = elapsed;
    const parts = [
      `${label} ${step}/${total}`,
      showValues(values),
      `${this.#pace.left(step)} left`,
    ];
    this.#stream.write(parts.filter((part) => part !== "").join("  ") + "\n");
  }

  note(line: string): void {
    this.#stream.write(line + "\n");
  }

  stop(): void {}
}

class QuietProgress implements Progress {
  readonly #stream: NodeJS.WriteStream;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  update(): void {}

  note(line: string): void {
    this.#stream.write(line + "\n");
  }

  stop(): void {}
}

function showValues(values: Readonly<Record<string, number | string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${typeof value === "number" ? showNumber(value) : value}`)
    .join("  ");
}

/** Four significant digits, so that the numbers beside a bar do not dance. */
function showNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 1e-3 ? value.toPrecision(4) : value.toExponential(2);
}

/** Seconds as `45s`, `3m 20s` or `2h 05m`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  const two = (value: number) => String(value).padStart(2, "0");
  if (minutes < 60) return `${minutes}m ${two(whole % 60)}s`;
  return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
}
