/** Reading and writing by index. */

import { sameShape, type TensorType } from "../../tensor/mod.ts";
import {
  apply,
  defineOp,
  lastDim,
  needFloats,
  type Node,
  type OpDef,
  refuse,
  shapeOf,
} from "../node.ts";
import { type NoAttrs } from "./elementwise.ts";
import { broadcastTo } from "./movement.ts";
import { scalar } from "./source.ts";

function needIndices(op: string, inputs: readonly TensorType[], at: number): void {
  if (inputs[at]!.dtype !== "int32") refuse(op, inputs, "the indices must be int32");
}

export const gatherRowsOp: OpDef<"gatherRows", NoAttrs> = defineOp({
  name: "gatherRows",
  infer(inputs, _attrs: NoAttrs): TensorType {
    const [table, ids] = inputs as [TensorType, TensorType];
    needIndices("gatherRows", inputs, 1);
    if (table.shape.length === 0) refuse("gatherRows", inputs, "the table needs at least one axis");
    return { dtype: table.dtype, shape: [...ids.shape, ...table.shape.slice(1)] };
  },
  gradient: ({ inputs: [table, ids], cotangent }) => [
    scatterRows(cotangent, ids!, shapeOf(table!)[0]!),
    null,
  ],
});

/** Settings of {@link scatterRows}. */
export interface ScatterRowsAttrs {
  /** How many rows the table has. */
  readonly rows: number;
}

export const scatterRowsOp: OpDef<"scatterRows", ScatterRowsAttrs> = defineOp({
  name: "scatterRows",
  infer(inputs, { rows }: ScatterRowsAttrs): TensorType {
    const [values, ids] = inputs as [TensorType, TensorType];
    needFloats("scatterRows", [values]);
    needIndices("scatterRows", inputs, 1);
    const lead = ids.shape.length;
    if (!sameShape(values.shape.slice(0, lead), ids.shape)) {
      refuse("scatterRows", inputs, "there must be one index a row");
    }
    return { dtype: "float32", shape: [rows, ...values.shape.slice(lead)] };
  },
  gradient: ({ inputs: [, ids], cotangent }) => [gatherRows(cotangent, ids!), null],
});

export const takeLastOp: OpDef<"takeLast", NoAttrs> = defineOp({
  name: "takeLast",
  infer(inputs, _attrs: NoAttrs): TensorType {
    const [x, ids] = inputs as [TensorType, TensorType];
    needFloats("takeLast", [x]);
    needIndices("takeLast", inputs, 1);
    lastDim("takeLast", x);
    if (!sameShape(x.shape.slice(0, -1), ids.shape)) {
      refuse("takeLast", inputs, "there must be one index a row");
    }
    return { dtype: "float32", shape: ids.shape };
  },
  gradient: ({ inputs: [x, ids], cotangent }) => [
    addAtLast(broadcastTo(scalar(0), shapeOf(x!)), ids!, cotangent),
    null,
  ],
});

export const addAtLastOp: OpDef<"addAtLast", NoAttrs> = defineOp({
  name: "addAtLast",
  infer(inputs, _attrs: NoAttrs): TensorType {
    const [x, ids, values] = inputs as [TensorType, TensorType, TensorType];
    needFloats("addAtLast", [x, values]);
    needIndices("addAtLast", inputs, 1);
    lastDim("addAtLast", x);
    if (!sameShape(x.shape.slice(0, -1), ids.shape) || !sameShape(ids.shape, values.shape)) {
      refuse("addAtLast", inputs, "there must be one index and one value a row");
    }
    return x;
  },
  gradient: ({ inputs: [, ids], cotangent, needs }) => [
    needs[0] ? cotangent : null,
    null,
    needs[2] ? takeLast(cotangent, ids!) : null,
  ],
});

/** Rows of `table` `[V, ...]` at `ids`: the embedding look-up. Indices must be in [0, V). */
export function gatherRows(table: Node, ids: Node): Node {
  return apply(gatherRowsOp, [table, ids], {});
}

/** Sums rows of `values` `[...ids, ...]` into a table of `rows` zeros, at `ids`. */
export function scatterRows(values: Node, ids: Node, rows: number): Node {
  return apply(scatterRowsOp, [values, ids], { rows });
}

/** The element at `ids` `[...]` of each row of `x` `[..., V]`. */
export function takeLast(x: Node, ids: Node): Node {
  return apply(takeLastOp, [x, ids], {});
}

/** `x` `[..., V]` with `values` `[...]` added at position `ids` `[...]` of each row. */
export function addAtLast(x: Node, ids: Node, values: Node): Node {
  return apply(addAtLastOp, [x, ids, values], {});
}
