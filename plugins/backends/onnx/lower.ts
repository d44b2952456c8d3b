/** From a graph to an ONNX model. */

import { inputName, type Node, ops, shapeOf } from "../../../core/graph/mod.ts";
import { type WeightFormat } from "../../../core/contracts/backend.ts";
import { type HostTensor } from "../../../core/tensor/mod.ts";
import { emitDequantized } from "./blocks.ts";
import { type ConstantBlocks, constantBlocks, emitBlockProduct } from "./constant_blocks.ts";
import { planScopes, type Scope, type ScopePlan } from "./branches.ts";
import { Emitter } from "./emitter.ts";
import { type OnnxModel, type Placement } from "./model_file.ts";
import { ELEMENT } from "./proto.ts";
import { type Rule, rules } from "./rules.ts";

/** What becomes part of a model, and how. */
export interface LoweringOptions {
  /** Values of inputs that are constant, by name. */
  readonly constants?: Readonly<Record<string, HostTensor>>;
  /** How the matrices among them are kept; as they are unless told. */
  readonly weightFormat?: WeightFormat | undefined;
  /** What names of outputs begin with. */
  readonly prefix?: string;
  /** Where large constants go; each to a place of its own unless told. */
  readonly placement?: Placement;
  /** Facts about the model that its file tells. */
  readonly about?: Readonly<Record<string, string>>;
}

/** An ONNX model that computes `outputs`. */
export function toOnnx(
  outputs: Readonly<Record<string, Node>>,
  options: LoweringOptions = {},
): OnnxModel {
  return new Lowering(planScopes(Object.values(outputs)), options).model(outputs);
}

/** Says a graph's nodes, each in the scope that it belongs to. */
class Lowering {
  readonly #names = new Map<Node, string>();
  readonly #emitters = new Map<Scope, Emitter>();

  constructor(private readonly plan: ScopePlan, private readonly options: LoweringOptions) {}

  model(outputs: Readonly<Record<string, Node>>): OnnxModel {
    const emit = new Emitter(undefined, this.options.constants);
    this.#say(this.plan.whole, emit);
    const { prefix = "", placement = "apart", about } = this.options;
    for (const [name, node] of Object.entries(outputs)) {
      emit.output(prefix + name, this.#nameOf(node), node.type);
    }
    return emit.finish(placement, about);
  }

  #say(scope: Scope, emit: Emitter): void {
    this.#emitters.set(scope, emit);
    // Inputs first: sizes are learned from them.
    for (const node of scope.nodes) if (this.#isRuntimeInput(node)) this.#nameOf(node);
    for (const node of scope.nodes) if (!isMadeWhenUsed(node)) this.#nameOf(node);
  }

  #isRuntimeInput(node: Node): boolean {
    const name = inputName(node);
    return name !== undefined && node.type.dtype !== "uint8" &&
      !(name in (this.options.constants ?? {}));
  }

  #nameOf(node: Node): string {
    let name = this.#names.get(node);
    if (name === undefined) this.#names.set(node, name = this.#lower(node));
    return name;
  }

  #lower(node: Node): string {
    const emit = this.#emitters.get(this.plan.scopeOf.get(node)!)!;
    const { name } = node.op;
    if (name === "input") return emit.input(inputName(node)!, node.type);
    if (name === "dequantize") return emitDequantized(emit, node);
    if (name === "constant") {
      const { value } = node.attrs as { value: HostTensor };
      const single = value.shape.length === 0 && value.dtype === "float32";
      return single ? emit.scalar(value.data[0]!) : emit.constant(value);
    }
    if (node.op === ops.choose) return this.#choice(emit, node);
    if (!(name in rules)) throw new TypeError(`The onnx backend has no operation "${name}"`);
    const blocks = name === "matmul" ? this.#blocksOf(node) : undefined;
    if (blocks) return emitBlockProduct(emit, this.#nameOf(node.inputs[0]!), blocks);
    const rule = rules[name as keyof typeof rules] as Rule<never>;
    const inputs = node.inputs.map((input, at) => {
      // A product makes its four-bit right operand itself.
      const isWeight = name === "matmul" && at === 1 && input.op.name === "dequantize";
      return isWeight ? "" : this.#nameOf(input);
    });
    const value = rule(emit, inputs, node.attrs as never, node);
    if (node.op === ops.nonZero || node.op === ops.countUp) emit.learnSizes(value, shapeOf(node));
    return value;
  }

  /** The right operand of a product, where it is a constant that ONNX Runtime can take in blocks. */
  #blocksOf(product: Node): ConstantBlocks | undefined {
    const [, weight] = product.inputs as [Node, Node];
    const { constants, weightFormat = "float32" } = this.options;
    const valueOf = (node: Node) => constants?.[inputName(node) ?? ""];
    return constantBlocks(product, weight, valueOf, weightFormat);
  }

  #choice(emit: Emitter, node: Node): string {
    const [condition, ...values] = node.inputs as [Node, Node, Node];
    const isTrue = emit.node("Cast", [this.#nameOf(condition)], { to: ELEMENT.bool });
    const [first, second] = values.map((value, i) => {
      const scope = this.plan.branchesOf.get(node)![i]!;
      const branch = new Emitter(emit);
      this.#say(scope, branch);
      return branch.asBranch(this.#nameOf(value), node.type);
    });
    return emit.node("If", [isTrue], { "then_branch": first!, "else_branch": second! });
  }
}

/**
 * Four-bit weights, and inputs, whole or in part: they may be fed in another form than the graph has
 * them, and constants may go into products in another.
 */
function isMadeWhenUsed(node: Node): boolean {
  if (node.op === ops.reshape || node.op === ops.slice) return isMadeWhenUsed(node.inputs[0]!);
  return node.op === ops.dequantize || inputName(node) !== undefined;
}
