/** What kernels read and write. */

import { type HostTensor, type TensorType } from "../../../../core/tensor/mod.ts";

/** Something that has memory of its own while a program runs. */
export interface Value {
  readonly id: number;
  readonly type: TensorType;
  readonly origin:
    | { readonly kind: "input"; readonly name: string }
    | { readonly kind: "constant"; readonly tensor: HostTensor }
    | { readonly kind: "made" };
}

/** Memory as messages tell it: `512 MB`. */
export function megabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MB`;
}
