/** One invocation for each element. */

import { type Node, shapeOf } from "../../../../core/graph/mod.ts";
import { type Shape } from "../../../../core/tensor/mod.ts";
import { type Expressions, startOf } from "../wgsl/expressions.ts";
import { coordinatesOf, flatOf } from "../wgsl/indices.ts";
import { countOf } from "../wgsl/sizes.ts";
import { type Value } from "../wgsl/value.ts";
import { type KernelWriter, WORKGROUP } from "../wgsl/writer.ts";
import { GROUP, type KernelList, type KernelPlan, spread } from "./plan.ts";

/** A kernel with one invocation for each element of a shape; `each` says what that does. */
export function forEach(
  label: string,
  shape: Shape,
  each: (kernel: KernelWriter, all: Expressions, at: string) => void,
): KernelPlan {
  const count = countOf(shape);
  return {
    label,
    groups: (sizes) => spread(Math.ceil(count(sizes) / WORKGROUP)),
    write(kernel, all) {
      const at = kernel.let(`(${GROUP}) * ${WORKGROUP}u + lane`);
      kernel.line(`if (${at} >= ${kernel.count(shape)}) { return; }`);
      each(kernel, all, at);
    },
  };
}

/** A kernel that writes elements of `node`, worked out on the way, to `to`. */
export function copyOf(label: string, node: Node, to: Value): KernelPlan {
  const shape = shapeOf(node);
  if (node.type.dtype === "uint8") return copyOfBytes(label, node, to);
  return forEach(label, shape, (kernel, all, at) => {
    kernel.write(to, at, all.atFlat(node, at));
  });
}

/** As {@link copyOf}, with one invocation for each word of four bytes. */
function copyOfBytes(label: string, node: Node, to: Value): KernelPlan {
  const count = countOf(shapeOf(node));
  return {
    label,
    groups: (sizes) => spread(Math.ceil(count(sizes) / 4 / WORKGROUP)),
    write(kernel, all) {
      const word = kernel.let(`(${GROUP}) * ${WORKGROUP}u + lane`);
      const size = kernel.count(shapeOf(node));
      const packed = kernel.variable("u32", "0u");
      for (let byte = 0; byte < 4; byte++) {
        const at = kernel.let(`${word} * 4u + ${byte}u`);
        kernel.block(`if (${at} < ${size})`, () => {
          kernel.line(`${packed} |= (${all.atFlat(node, at)} & 255u) << ${8 * byte}u;`);
        });
      }
      kernel.line(`if (${word} * 4u >= ${size}) { return; }`);
      kernel.write(to, word, packed);
    },
  };
}

/** Writes a value that is worked out element by element. */
export function writeElements(list: KernelList, node: Node): void {
  const to = list.make(node.type);
  list.run(copyOf(node.op.name, node, to));
  list.store(node, to);
}

/** Writes the parts of a concat one after the other. */
export function writeParts(list: KernelList, node: Node): void {
  if (node.type.dtype === "uint8") return writeElements(list, node);
  const { axis } = node.attrs as { axis: number };
  const shape = shapeOf(node);
  const to = list.make(node.type);
  node.inputs.forEach((part, i) => {
    list.run(forEach("concat", shapeOf(part), (kernel, all, at) => {
      const from = { shape: shapeOf(part), flat: at };
      const coordinates = [...coordinatesOf(kernel, from)];
      coordinates[axis] = kernel.let(`${coordinates[axis]} + ${startOf(all, node, i, axis)}`);
      kernel.write(to, flatOf(kernel, { shape, coordinates }), all.at(part, from));
    }));
  });
  list.store(node, to);
}

/** Writes the value that a choice falls on; the kernel of the other one does nothing. */
export function writeChoice(list: KernelList, node: Node): void {
  const to = list.make(node.type);
  const [, a, b] = node.inputs as [Node, Node, Node];
  list.runWhere(node, 0, copyOf("choose", a, to));
  list.runWhere(node, 1, copyOf("choose", b, to));
  list.store(node, to);
}
