/** What numbers are held against: a plain interpreter in float64. */

import { type Backend } from "../contracts/mod.ts";
import { type Node } from "../graph/mod.ts";
import { type HostTensor } from "../tensor/mod.ts";

/** Values of inputs, by name; an oracle takes float64 data for float32 inputs too. */
export type HostFeeds = Readonly<Record<string, HostTensor>>;

/** Values of nodes in float64, at once. */
export type Evaluate = <Output extends string>(
  outputs: Readonly<Record<Output, Node>>,
  feeds: HostFeeds,
) => Record<Output, HostTensor>;

/** A float64 interpreter of graphs. Kits are handed one, as they know no plugin. */
export interface Oracle {
  /** Values of nodes in float64. @throws {TypeError} when an input is missing or of another type. */
  readonly evaluate: Evaluate;
  /** The same as a backend, whose outputs keep their digits. */
  backend(): Backend;
}
