/** Operations on one element at a time. */

import { type Node, type OpName } from "../../../../core/graph/mod.ts";
import { type Rule } from "./expressions.ts";
import { ERF, IS_NAN, SIGMOID, TANH } from "./functions.ts";

const binary = (say: (a: string, b: string) => string): Rule<OpName> => (all, node, index) =>
  say(all.input(node, 0, index), all.input(node, 1, index));

const unary = (say: (x: string) => string): Rule<OpName> => (all, node, index) =>
  say(all.at(node.inputs[0]!, index));

const same: Rule<OpName> = (all, node, index) => all.at(node.inputs[0]!, index);

/** A function of numbers that are something or NaN. */
const calling =
  (name: string, text: string, say: (call: string, x: string) => string): Rule<OpName> =>
  (all, node, index) => {
    all.kernel.helper("is_nan", IS_NAN);
    all.kernel.helper(name, text);
    const x = all.at(node.inputs[0]!, index);
    return say(`${name}(${x})`, x);
  };

/** The rules, by operation. */
export const elementwise = {
  add: binary((a, b) => `${a} + ${b}`),
  sub: binary((a, b) => `${a} - ${b}`),
  mul: binary((a, b) => `${a} * ${b}`),
  div: binary((a, b) => `${a} / ${b}`),
  greater: binary((a, b) => `select(0f, 1f, ${a} > ${b})`),
  neg: unary((x) => `-(${x})`),
  exp: unary((x) => `exp(${x})`),
  log: unary((x) => `log(${x})`),
  sqrt: unary((x) => `sqrt(${x})`),
  erf(all, node, index) {
    all.kernel.helper("erf", ERF);
    return `erf(${all.at(node.inputs[0]!, index)})`;
  },
  sigmoid: calling("sigmoid", SIGMOID, (call) => call),
  tanh: calling("tanh_of", TANH, (call) => call),
  silu: calling("sigmoid", SIGMOID, (call, x) => `${x} * ${call}`),
  stopGradient: same,
  straightThrough: same,
  after: same,
  checkpoint: same,
  withGradient: same,
  cast(all, node, index, { dtype }) {
    const [from] = node.inputs as [Node];
    const x = all.at(from, index);
    if (dtype === "float32") return `f32(${x})`;
    if (dtype === "int32") return `i32(${x})`;
    return `(u32(i32(${x})) & 255u)`;
  },
} satisfies { [K in OpName]?: Rule<K> };
