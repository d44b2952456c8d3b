/** Files in and out: weights, model folders, tokenizers, text, packed sequences, whole folders. */
export * from "./atomic.ts";
export * from "./atomic_folder.ts";
export * from "./batch_order.ts";
export * from "./checkpoint_weights.ts";
export * from "./hf_folder.ts";
export * from "./json.ts";
export * from "./packing.ts";
export * from "./safetensors.ts";
export * from "./safetensors_writer.ts";
export * from "./stored_tensor.ts";
export * from "./text_corpus.ts";
export * from "./token_offsets.ts";
export * from "./tokenizer.ts";
