/** An ONNX file, and where the values of its large constants are. */

import { type TensorProto } from "./proto.ts";

/** Where an input of a model comes from. */
export interface ModelFeed {
  /** Its name in the model. */
  readonly name: string;
  /** The name of what is fed to it. */
  readonly source: string;
  /** Whether uint8 values are fed as 16-bit words. */
  readonly asWords: boolean;
}

/** Values of a constant that are outside the ONNX file, which may have 2 GB at most. */
export interface OutsideData {
  /** Where the file says that they are. */
  readonly location: string;
  /** Where they begin there. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A finished model. */
export interface OnnxModel {
  /** The ONNX file. */
  readonly bytes: Uint8Array;
  readonly feeds: readonly ModelFeed[];
  readonly outside: readonly OutsideData[];
}

/**
 * Where large constants go: into the file, each to a place of its own, or all into one file of this
 * name.
 */
export type Placement = "inside" | "apart" | { readonly file: string };

/** Constants in one file begin at multiples of this, as memory is mapped by pages. */
const PAGE = 4096;

/** A constant whose values are not placed yet. */
export interface LargeConstant {
  readonly constant: TensorProto;
  readonly bytes: Uint8Array;
}

/** Puts the values of constants where they go, and says what is outside the file then. */
export function placeConstants(
  constants: readonly LargeConstant[],
  placement: Placement,
): OutsideData[] {
  const outside: OutsideData[] = [];
  let end = 0;
  constants.forEach(({ constant, bytes }, i) => {
    if (placement === "inside") {
      constant.rawData = bytes;
      return;
    }
    const apart = placement === "apart";
    const location = apart ? `constant/${i}` : placement.file;
    const offset = apart ? 0 : Math.ceil(end / PAGE) * PAGE;
    end = offset + bytes.length;
    outside.push({ location, offset, bytes });
    constant.dataLocation = 1;
    constant.externalData = Object.entries({ location, offset, length: bytes.length })
      .map(([key, value]) => ({ key, value: String(value) }));
  });
  return outside;
}
