"""Writes the model as llama.cpp loads it: Q4_0 matrices, float32 norms, a made-up vocabulary."""

from pathlib import Path

import gguf
import numpy as np

from random_weights import Blocks, RandomWeights, Shape

NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write_gguf(path: Path, shape: Shape, weights: RandomWeights) -> None:
    writer = gguf.GGUFWriter(path, "llama", use_temp_file=True)
    _describe(writer, shape)
    _add_vocabulary(writer, shape)
    _add_matrix(writer, "token_embd", weights.embedding())
    for layer in range(shape.layers):
        for name, theirs in NAMES.items():
            blocks = weights.layer(layer, name)
            if theirs == "attn_q":
                blocks = blocks.rows(_rotary_order(shape.heads, shape.head_width))
            elif theirs == "attn_k":
                blocks = blocks.rows(_rotary_order(shape.kv_heads, shape.head_width))
            _add_matrix(writer, f"blk.{layer}.{theirs}", blocks)
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(shape.width, np.float32))
    writer.add_tensor("output_norm.weight", np.ones(shape.width, np.float32))
    _add_matrix(writer, "output", weights.head())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter, shape: Shape) -> None:
    writer.add_name("random weights of TinyLlama's shapes")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_block_count(shape.layers)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.inner)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(shape.theta)
    writer.add_vocab_size(shape.vocabulary)


def _add_vocabulary(writer: gguf.GGUFWriter, shape: Shape) -> None:
    """Three special tokens, a token for each byte, and words that nothing ever becomes."""
    kinds = gguf.TokenType
    tokens = [("<unk>", kinds.UNKNOWN), ("<s>", kinds.CONTROL), ("</s>", kinds.CONTROL)]
    tokens += [(f"<0x{byte:02X}>", kinds.BYTE) for byte in range(256)]
    tokens += [(f"▁word{number}", kinds.NORMAL) for number in range(len(tokens), shape.vocabulary)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _ in tokens])
    writer.add_token_scores([-float(number) for number in range(len(tokens))])
    writer.add_token_types([int(kind) for _, kind in tokens])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def _add_matrix(writer: gguf.GGUFWriter, name: str, blocks: Blocks) -> None:
    """Q4_0: a scale, then 16 bytes, of which byte i holds weight i below weight i + 16."""
    low, high = blocks.levels[..., :16], blocks.levels[..., 16:]
    scales = blocks.scales[..., None].view(np.uint8)
    rows = np.concatenate([scales, low | high << 4], axis=-1).reshape(len(scales), -1)
    writer.add_tensor(f"{name}.weight", rows, raw_dtype=gguf.GGMLQuantizationType.Q4_0)


def _rotary_order(heads: int, head_width: int) -> np.ndarray:
    """llama.cpp turns neighbouring rows of a head, Hugging Face's layout rows half a head apart."""
    rows = np.arange(heads * head_width).reshape(heads, 2, head_width // 2)
    return rows.swapaxes(1, 2).reshape(-1)
