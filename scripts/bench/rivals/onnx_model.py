"""Writes the model as transformers.js loads it with dtype "q4".

The graph is the one that onnxruntime-genai's model builder makes of a Llama for the CPU, as
onnx-community publishes such models: MatMulNBits in blocks of 32, queries, keys and values in one
product, GroupQueryAttention with the rotary embedding in it. With it comes `num_logits_to_keep`,
which transformers.js sets to 1 when it generates, so that a prompt costs one row of logits only.
The attention knows positions from the mask; `position_ids` is there as it is in published models.
What the builder itself makes (0.18.0) does not serve: the last size of its caches has a name, which
transformers.js takes for 0.
"""

from pathlib import Path
from typing import BinaryIO

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper, save_model

from random_weights import BLOCK, Blocks, RandomWeights, Shape, stack

CONTRIB = "com.microsoft"
PAGE = 4096


def write_onnx(folder: Path, shape: Shape, weights: RandomWeights, accuracy_level: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "model_q4.onnx_data").open("wb") as data:
        model = _Graph(shape, weights, accuracy_level, data).build()
    save_model(model, folder / "model_q4.onnx")


class _Graph:
    def __init__(self, shape: Shape, weights: RandomWeights, accuracy_level: int, data: BinaryIO):
        self.shape = shape
        self.weights = weights
        self.accuracy_level = accuracy_level
        self.data = data
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def build(self) -> ModelProto:
        shape = self.shape
        self._prepare()
        state = self._node(
            "Gather",
            [self._stored("embedding", self.weights.embedding().floats())] + ["input_ids"],
            "embedded",
        )
        skip = ""
        for layer in range(shape.layers):
            normed, state = self._norm(f"layer{layer}.norm1", state, skip)
            skip = self._attention(layer, normed)
            normed, state = self._norm(f"layer{layer}.norm2", state, skip)
            skip = self._feed_forward(layer, normed)
        normed, _ = self._norm("norm", state, skip)
        last = self._node("Slice", [normed, "first_kept", "end", "axis1"], "kept")
        self._product("lm_head", last, self.weights.head(), output="logits")
        inputs, outputs = self._values()
        graph = helper.make_graph(self.nodes, "rival", inputs, outputs, self.constants)
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid(CONTRIB, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def _values(self):
        shape = self.shape
        tokens, total = ["batch_size", "sequence_length"], "total_sequence_length"
        whole, real = TensorProto.INT64, TensorProto.FLOAT
        inputs = [
            helper.make_tensor_value_info("input_ids", whole, tokens),
            helper.make_tensor_value_info("attention_mask", whole, ["batch_size", total]),
            helper.make_tensor_value_info("position_ids", whole, tokens),
            helper.make_tensor_value_info("num_logits_to_keep", whole, []),
        ]
        logits = ["batch_size", "num_logits_to_keep", shape.vocabulary]
        outputs = [helper.make_tensor_value_info("logits", real, logits)]
        for layer in range(shape.layers):
            for part in ("key", "value"):
                for values, name, length in (
                    (inputs, "past_key_values", "past_sequence_length"),
                    (outputs, "present", total),
                ):
                    size = ["batch_size", shape.kv_heads, length, shape.head_width]
                    values.append(
                        helper.make_tensor_value_info(f"{name}.{layer}.{part}", real, size)
                    )
        return inputs, outputs

    def _prepare(self) -> None:
        """What all layers share: lengths out of the mask, cosines and sines, small constants."""
        shape = self.shape
        for name, value in {"one": [1], "axis1": [1], "end": [2**63 - 1]}.items():
            self._constant(name, np.array(value, np.int64))
        self._constant("scalar1", np.array(1, np.int64))
        rate = shape.theta ** -(np.arange(0, shape.head_width, 2) / shape.head_width)
        angles = np.outer(np.arange(shape.context), rate)
        self._constant("cosines", np.cos(angles).astype(np.float32))
        self._constant("sines", np.sin(angles).astype(np.float32))
        lengths = self._node("ReduceSum", ["attention_mask", "one"], "lengths", keepdims=0)
        self._node("Sub", [lengths, "one"], "last_places")
        self._node("Cast", ["last_places"], "seqlens_k", to=TensorProto.INT32)
        self._node("Shape", ["attention_mask"], "mask_shape")
        self._node("Gather", ["mask_shape", "scalar1"], "length", axis=0)
        self._node("Cast", ["length"], "total_length", to=TensorProto.INT32)
        self._node("Neg", ["num_logits_to_keep"], "minus_kept")
        self._constant("axis0", np.array([0], np.int64))
        self._node("Unsqueeze", ["minus_kept", "axis0"], "first_kept")

    def _norm(self, name: str, state: str, skip: str) -> tuple[str, str]:
        """The norm of state + skip, and that sum."""
        weight = self._constant(f"{name}.weight", np.ones(self.shape.width, np.float32))
        epsilon = self.shape.epsilon
        if not skip:
            args = {"epsilon": epsilon, "axis": -1, "stash_type": 1}
            return self._node("SimplifiedLayerNormalization", [state, weight], name, **args), state
        self.nodes.append(
            helper.make_node(
                "SkipSimplifiedLayerNormalization",
                [state, skip, weight],
                [name, "", "", f"{name}.sum"],
                name,
                domain=CONTRIB,
                epsilon=epsilon,
            )
        )
        return name, f"{name}.sum"

    def _attention(self, layer: int, state: str) -> str:
        shape, at = self.shape, f"layer{layer}"
        parts = [self.weights.layer(layer, f"self_attn.{part}_proj") for part in "qkv"]
        packed = self._product(f"{at}.qkv", state, stack(parts))
        pasts = [f"past_key_values.{layer}.{part}" for part in ("key", "value")]
        presents = [f"present.{layer}.{part}" for part in ("key", "value")]
        self.nodes.append(
            helper.make_node(
                "GroupQueryAttention",
                [packed, "", "", *pasts, "seqlens_k", "total_length", "cosines", "sines"],
                [f"{at}.attended", *presents],
                f"{at}.attention",
                domain=CONTRIB,
                num_heads=shape.heads,
                kv_num_heads=shape.kv_heads,
                scale=shape.head_width**-0.5,
                do_rotary=1,
                rotary_interleaved=0,
                local_window_size=-1,
                softcap=0.0,
            )
        )
        output = self.weights.layer(layer, "self_attn.o_proj")
        return self._product(f"{at}.o", f"{at}.attended", output)

    def _feed_forward(self, layer: int, state: str) -> str:
        at = f"layer{layer}"
        gate = self._product(f"{at}.gate", state, self.weights.layer(layer, "mlp.gate_proj"))
        up = self._product(f"{at}.up", state, self.weights.layer(layer, "mlp.up_proj"))
        sigmoid = self._node("Sigmoid", [gate], f"{at}.sigmoid")
        silu = self._node("Mul", [gate, sigmoid], f"{at}.silu")
        inner = self._node("Mul", [silu, up], f"{at}.inner")
        return self._product(f"{at}.down", inner, self.weights.layer(layer, "mlp.down_proj"))

    def _product(self, name: str, state: str, blocks: Blocks, output: str = "") -> str:
        """MatMulNBits: byte i of a block holds weight 2i below weight 2i + 1; no point means 8."""
        packed = blocks.levels[..., 0::2] | blocks.levels[..., 1::2] << 4
        inputs = [
            state,
            self._stored(f"{name}.weight", packed),
            self._stored(f"{name}.scales", blocks.scales.astype(np.float32)),
        ]
        outputs, count, _ = blocks.levels.shape
        self.nodes.append(
            helper.make_node(
                "MatMulNBits",
                inputs,
                [output or name],
                name,
                domain=CONTRIB,
                N=outputs,
                K=count * BLOCK,
                bits=4,
                block_size=BLOCK,
                accuracy_level=self.accuracy_level,
            )
        )
        return output or name

    def _node(self, kind: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def _constant(self, name: str, value: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def _stored(self, name: str, value: np.ndarray) -> str:
        """A constant in the file beside the graph."""
        self.data.write(bytes(-self.data.tell() % PAGE))
        tensor = TensorProto(
            name=name,
            dims=value.shape,
            data_location=TensorProto.EXTERNAL,
            data_type=helper.np_dtype_to_tensor_dtype(value.dtype),
        )
        place = {
            "location": "model_q4.onnx_data",
            "offset": self.data.tell(),
            "length": value.nbytes,
        }
        for key, entry in place.items():
            tensor.external_data.add(key=key, value=str(entry))
        self.data.write(np.ascontiguousarray(value).tobytes())
        self.constants.append(tensor)
        return name
