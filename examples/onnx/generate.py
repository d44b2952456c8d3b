"""Continues a text with a model that `deno task export` wrote, in plain ONNX Runtime.

    pip install onnxruntime numpy tokenizers
    deno task export --checkpoint exp10 --out model.onnx
    python examples/onnx/generate.py model.onnx --tokenizer plugins/models/nano/tokenizer.json \
        --prompt "Mia has a red ball."

The file holds the router and the skipping. --shift moves the router's threshold: with a large
negative one every layer runs, with a large positive one only those that always do. --tokens takes token ids instead of a text, and --json prints what
came of them, for programs to compare.
"""

import argparse
import json
import time

import numpy as np
import onnxruntime as ort

ROOM = 64  # positions that the cache grows by


class Model:
    """A session with what the file says about itself, and the keys and values of one text."""

    def __init__(self, path: str, threads: int = 0) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        about = self.session.get_modelmeta().custom_metadata_map
        if about.get("format") != "dlr":
            raise SystemExit(f"{path} was not written by deno task export")
        self.about = about
        self.layers = int(about["layers"])
        self.routed_layers = int(about["routed_layers"])
        self.inputs = {given.name for given in self.session.get_inputs()}
        shape = (1, int(about["kv_heads"]), 0, int(about["head_dim"]))
        self.memory = {
            name: np.zeros(shape, np.float32) for name in self.inputs if name.startswith("memory.")
        }
        self.length = 0
        self.gates = None  # what a router that decides for whole sequences has decided

    def read(self, tokens: list[int], shift: float = 0):
        """Logits after the last of `tokens`, and the gates of each: what was kept goes on growing."""
        feeds = {
            "tokens": np.array([tokens], np.int32),
            "lengths": np.array([len(tokens)], np.int32),
            "pastLengths": np.array([self.length], np.int32),
            "rows": np.array([len(tokens) - 1], np.int32),
            **self.memory,
        }
        if "decided" in self.inputs:
            none = np.zeros((1, 1, self.routed_layers), np.float32)
            feeds["decided"] = np.array(self.gates is not None, np.float32)
            feeds["decidedGates"] = none if self.gates is None else self.gates
        if "thresholdShift" in self.inputs:
            feeds["thresholdShift"] = np.array(shift, np.float32)
        names = [output.name for output in self.session.get_outputs()]
        made = dict(zip(names, self.session.run(names, feeds)))
        self._keep(made, len(tokens))
        gates = made.get("gates")
        if "decided" in self.inputs and self.gates is None:
            self.gates = gates[:, -1:, :]
        return made["logits"][0], None if gates is None else gates[0]

    def _keep(self, made: dict, count: int) -> None:
        end = self.length + count
        for name, before in self.memory.items():
            own = made[name.replace("memory", "new")]
            if end > before.shape[2]:
                room = -(-end // ROOM) * ROOM
                grown = np.zeros((*before.shape[:2], room, before.shape[3]), np.float32)
                grown[:, :, : self.length] = before[:, :, : self.length]
                self.memory[name] = before = grown
            before[:, :, self.length : end] = own
        self.length = end


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model")
    parser.add_argument("--tokenizer", help="the model's tokenizer.json")
    parser.add_argument("--prompt", default="Mia has a red ball.")
    parser.add_argument("--tokens", help="token ids with commas between, instead of a prompt")
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--shift", type=float, default=0, help="added to the router's threshold")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    tokenizer = None
    if options.tokens:
        tokens = [int(token) for token in options.tokens.split(",")]
    elif options.tokenizer:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(options.tokenizer)
        tokens = tokenizer.encode(options.prompt).ids
    else:
        parser.error("give --tokenizer, or --tokens")

    model = Model(options.model, options.threads)
    logits, gates = model.read(tokens, options.shift)
    prompt_logits = logits
    made, kept, started = [], [], time.perf_counter()
    for _ in range(options.max_tokens):
        made.append(int(np.argmax(logits)))
        if len(made) == options.max_tokens:
            break
        logits, gates = model.read(made[-1:], options.shift)
        kept.append(1.0 if gates is None else float(gates.mean()))
    seconds = time.perf_counter() - started

    if options.json:
        print(json.dumps({
            "tokens": made,
            "prompt_logits": [float(value) for value in prompt_logits],
            "last_logits": [float(value) for value in logits],
            "kept": sum(kept) / max(1, len(kept)),
            "tokens_per_second": (len(made) - 1) / seconds,
        }))
        return
    print(options.prompt + tokenizer.decode(made) if tokenizer else made)
    always = model.layers - model.routed_layers
    layers = always + model.routed_layers * sum(kept) / max(1, len(kept))
    print(f"\n{(len(made) - 1) / seconds:.1f} tokens/s, {layers:.2f} of {model.layers} layers a token")


if __name__ == "__main__":
    main()
