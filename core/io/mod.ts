/** Files in and out: weights, model folders, the hub, tokenizers, text, packed sequences, folders. */
export * from "./atomic.ts";
export * from "./atomic_folder.ts";
export * from "./batch_order.ts";
export * from "./checkpoint_weights.ts";
export * from "./hf_folder.ts";
export * from "./hub/mod.ts";
export * from "./json.ts";
export * from "./model_files.ts";
export * from "./packing.ts";
export * from "./parquet/mod.ts";
export * from "./safetensors.ts";
export * from "./safetensors_writer.ts";
export * from "./stored_tensor.ts";
export * from "./text_corpus.ts";
export * from "./token_offsets.ts";
export * from "./tokenizer.ts";
