"""Times lm-evaluation-harness's own model backend on given requests: the rival of our `evaluate`.

  versions   as in tests/parity/lm_eval/make_lm_eval_goldens.py
  command    OMP_NUM_THREADS=1 python3 scripts/bench/time_lm_eval.py
             --model FOLDER --requests FILE [--batch-size 1] [--repeats 1]

FILE is JSON: [{"context": "...", "continuation": "..."}, ...]. What is timed is `loglikelihood` of
the harness's HFLM in float32 on the CPU, from strings to numbers: tokenizing, sorting and sharing
of passes, batching, the model and the sums. Loading comes before; so does a warm-up with the
longest and the shortest request. It prints one line of JSON:

  seconds          of the fastest repeat          all_seconds     of every repeat
  requests         how many                       tokens          of their inputs, each one whole
  forward_tokens   of the inputs that are run: requests that differ in the last token share one
  threads, batch_size, loglikelihood_sum, greedy (how many), and the versions
"""

import argparse
import json
import logging
import os
import time
from pathlib import Path

os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}

import lm_eval
import torch
import transformers
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--requests", type=Path, required=True)
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1)
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()

    pairs = [
        (request["context"], request["continuation"])
        for request in json.loads(asked.requests.read_text("utf-8"))
    ]
    requests = [
        Instance(request_type="loglikelihood", doc={}, arguments=pair, idx=index)
        for index, pair in enumerate(pairs)
    ]
    model = HFLM(
        pretrained=str(asked.model),
        dtype="float32",
        device="cpu",
        batch_size=asked.batch_size,
    )

    inputs = []
    for context, continuation in pairs:
        left, right = model._encode_pair(context, continuation)
        inputs.append(tuple((left + right)[-(model.max_length + 1) :][:-1]))
    by_length = sorted(requests, key=lambda request: len(inputs[request.idx]))
    model.loglikelihood([by_length[0], by_length[-1]], disable_tqdm=True)

    seconds, answers = [], []
    for _ in range(asked.repeats):
        start = time.perf_counter()
        answers = model.loglikelihood(requests, disable_tqdm=True)
        seconds.append(time.perf_counter() - start)

    print(
        json.dumps(
            {
                "seconds": min(seconds),
                "all_seconds": seconds,
                "requests": len(requests),
                "tokens": sum(map(len, inputs)),
                "forward_tokens": sum(map(len, set(inputs))),
                "threads": torch.get_num_threads(),
                "batch_size": asked.batch_size,
                "loglikelihood_sum": sum(value for value, _ in answers),
                "greedy": sum(greedy for _, greedy in answers),
                "lm_eval": lm_eval.__version__,
                "torch": torch.__version__,
                "transformers": transformers.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
