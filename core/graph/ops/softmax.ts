/** Softmax over the last axis, and the two losses that are built on it. */

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
import { exp, mul, neg, type NoAttrs, sub } from "./elementwise.ts";
import { addAtLast } from "./index.ts";
import { reshape } from "./movement.ts";
import { reduceSum } from "./reduce.ts";

const keepLast = (op: string) => (inputs: readonly TensorType[], _attrs: NoAttrs): TensorType => {
  needFloats(op, inputs);
  lastDim(op, inputs[0]!);
  return inputs[0]!;
};

/** `[...]` to `[..., 1]`, to meet `[..., V]`. */
function column(x: Node): Node {
  return reshape(x, [...shapeOf(x), 1]);
}

export const softmaxOp: OpDef<"softmax", NoAttrs> = defineOp({
  name: "softmax",
  infer: keepLast("softmax"),
  gradient({ node, cotangent }) {
    const inner = reduceSum(mul(cotangent, node), [-1], true);
    return [mul(sub(cotangent, inner), node)];
  },
});

export const logSoftmaxOp: OpDef<"logSoftmax", NoAttrs> = defineOp({
  name: "logSoftmax",
  infer: keepLast("logSoftmax"),
  gradient({ node, cotangent }) {
    return [sub(cotangent, mul(exp(node), reduceSum(cotangent, [-1], true)))];
  },
});

/**
 * A loss of its own rather than a composition: its gradient, softmax minus one-hot, then costs three
 * passes over the vocabulary instead of six.
 */
export const crossEntropyOp: OpDef<"crossEntropy", NoAttrs> = defineOp({
  name: "crossEntropy",
  infer(inputs, _attrs: NoAttrs): TensorType {
    const [logits, targets] = inputs as [TensorType, TensorType];
    needFloats("crossEntropy", [logits]);
    lastDim("crossEntropy", logits);
    if (targets.dtype !== "int32" || !sameShape(logits.shape.slice(0, -1), targets.shape)) {
      refuse("crossEntropy", inputs, "there must be one int32 target a row");
    }
    return { dtype: "float32", shape: targets.shape };
  },
  gradient({ inputs: [logits, targets], cotangent }) {
    const spread = mul(softmax(logits!), column(cotangent));
    return [addAtLast(spread, targets!, neg(cotangent)), null];
  },
});

/** As {@link crossEntropyOp}: the student's gradient is the difference of two softmaxes. */
export const klDivergenceOp: OpDef<"klDivergence", NoAttrs> = defineOp({
  name: "klDivergence",
  infer(inputs, _attrs: NoAttrs): TensorType {
    const [student, teacher] = inputs as [TensorType, TensorType];
    needFloats("klDivergence", inputs);
    lastDim("klDivergence", student);
    if (!sameShape(student.shape, teacher.shape)) {
      refuse("klDivergence", inputs, "both need the same shape");
    }
    return { dtype: "float32", shape: student.shape.slice(0, -1) };
  },
  gradient({ inputs: [student, teacher], node, cotangent, needs }) {
    const p = softmax(teacher!);
    const forTeacher = () => {
      const gap = sub(logSoftmax(teacher!), logSoftmax(student!));
      return mul(mul(p, sub(gap, column(node))), column(cotangent));
    };
    return [
      needs[0] ? mul(sub(softmax(student!), p), column(cotangent)) : null,
      needs[1] ? forTeacher() : null,
    ];
  },
});

/** e^x / sum of e^x over the last axis. */
export function softmax(x: Node): Node {
  return apply(softmaxOp, [x], {});
}

/** Logarithm of the softmax, without its underflow. */
export function logSoftmax(x: Node): Node {
  return apply(logSoftmaxOp, [x], {});
}

/** Negative log-likelihood in nats of `targets` int32 `[...]` under `logits` `[..., V]`. */
export function crossEntropy(logits: Node, targets: Node): Node {
  return apply(crossEntropyOp, [logits, targets], {});
}

/**
 * KL(teacher || student) in nats of each row, `[..., V]` logits each to `[...]` (Hinton et al. 2015,
 * arXiv 1503.02531; divide both by the temperature first).
 */
export function klDivergence(student: Node, teacher: Node): Node {
  return apply(klDivergenceOp, [student, teacher], {});
}
