// Numbers and dates as the page writes them.

/** What stands for a number that is not there. */
export const NONE = "–";

const written = (value, write) => Number.isFinite(value) ? write(value) : NONE;

/** A loss in nats. */
export const loss = (value) => written(value, (x) => x.toFixed(4));
/** A number with this many digits. */
export const fixed = (value, digits) => written(value, (x) => x.toFixed(digits));
/** A share as a percentage. */
export const percent = (value, digits = 1) =>
  written(value, (x) => `${(100 * x).toFixed(digits)} %`);

/** `1 h 3 min`, `1 min 51 s`, `3.2 s` */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return NONE;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `2026-11-25 06:58`, in the reader's time zone. */
export function date(iso) {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return NONE;
  const two = (value) => String(value).padStart(2, "0");
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  return `${day} ${two(time.getHours())}:${two(time.getMinutes())}`;
}

/** A number of any size in few characters. */
export function short(value) {
  if (!Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(1);
  if (size >= 1000) return String(Math.round(value));
  return String(Number(value.toPrecision(4)));
}

const METRICS = {
  "train_loss": "training loss",
  "validation_loss": "validation loss",
  "ce_loss": "cross-entropy",
  "kd_loss": "distillation",
  "gate_loss": "sparsity penalty",
  "target_loss": "skip target penalty",
  "hidden_loss": "hidden-state loss",
  "policy_loss": "policy loss",
  "perplexity": "perplexity",
  "skip_ratio": "skip ratio",
  "target_skip": "target skip ratio",
  "avg_active_layers": "active layers",
  "temperature": "temperature",
  "learning_rate": "learning rate",
  "router_entropy": "router entropy",
  "tokens_per_second": "tokens per second",
  "gflops_per_second": "GFLOP/s",
  "peak_memory_mb": "peak memory (MB)",
};

/** What a column of metrics.csv is called; one that this page does not know keeps its name. */
export const metricName = (column) => Object.hasOwn(METRICS, column) ? METRICS[column] : column;

/** The order in which metrics are offered. */
export const METRIC_ORDER = Object.keys(METRICS);

const WAYS = {
  "base": "base model, full depth",
  "full-depth": "trained model, full depth",
  "routed": "routed",
  "sampled": "gates drawn as in training",
  "shuffled": "same gates, shuffled",
  "rate-matched": "random, same rate per layer",
  "random": "random, same rate overall",
  "static-mask": "best static mask",
  "by-token": "looked up by token",
  "by-position": "looked up by position",
  "base-random": "base model, random skipping",
};

/** What a way of running a model is called. */
export const wayName = (way) => Object.hasOwn(WAYS, way) ? WAYS[way] : way;
