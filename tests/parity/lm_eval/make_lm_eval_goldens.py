"""Makes goldens/<model>: what lm-evaluation-harness says of a model, for our `evaluate` to repeat.

The unmodified harness runs with its own task definitions; only the data comes from local files. It
writes its result and sample files into a temporary folder, and what they hold is kept here: hashes
of the documents, prompts and targets, every log-likelihood, text, filtered answer and metric, and
the table of results.

  versions   Python 3.11, lm-eval 0.4.13, torch 2.13.0 (CPU), transformers 5.23.0, datasets 5.2.0
  command    OMP_NUM_THREADS=1 python3 tests/parity/lm_eval/make_lm_eval_goldens.py
             --model ../shared/data/stories260K/hf --name stories260K
  date       2026-11-25
  layout     README.md says how to install the versions and lists every key

Data: --data is a folder with mmlu/, arc/, gsm8k/ and wikitext2/ as the README describes it. It is
rewritten in the shapes of the hub's data sets, which --keep-data keeps.

Tokens: the harness gets a copy of the model's folder whose tokenizer class is
PreTrainedTokenizerFast, which reads tokenizer.json as it stands. transformers 5 builds the classes
of some families (LlamaTokenizer is one) anew from the vocabulary, with other rules for spaces. The
script stops unless the ids of every string of a run are those of tokenizer.json.
"""

import argparse
import csv
import gzip
import hashlib
import importlib.metadata
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import lm_eval
import yaml
from tokenizers import Tokenizer
from transformers import AutoTokenizer

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
TASKS = Path(lm_eval.__file__).parent / "tasks"

# Of the 600 ARC documents these are the evaluation's; the others are what shots are drawn from.
ARC_TEST_ROWS = 300
WIKITEXT_PAGES = 20

# Leading hexadecimal digits that are kept of a document's hashes; task_hashes are of whole ones.
HASH_DIGITS = 16

# Folders of data that are not named as their task is.
FOLDERS = {"arc_challenge": "arc"}

PACKAGES = ["lm_eval", "torch", "transformers", "tokenizers", "datasets", "numpy", "accelerate"]


@dataclass
class Run:
    """One call of the harness: its golden's name, and what it is asked."""

    name: str
    task: str
    shots: int | None = None
    limit: int | None = None


def runs(limit: int | None) -> list[Run]:
    smaller = min(limit or 40, 40)
    return [
        Run("mmlu_5shot", "mmlu", 5, limit),
        Run("arc_challenge_5shot", "arc_challenge", 5, limit),
        Run("arc_challenge_25shot", "arc_challenge", 25, limit),
        # Its five shots are in the task; generating takes longest for each document.
        Run("gsm8k_5shot", "gsm8k", None, smaller),
        Run("wikitext", "wikitext", None, limit),
    ]


# ---- Data in the hub's shapes -------------------------------------------------------------------


def read_lines(file: Path) -> list[dict]:
    """The records of a JSON Lines file; only \\n ends a line."""
    return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]


def write_lines(file: Path, records: list[dict]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
    file.write_text("".join(lines), "utf-8", newline="\n")


def mmlu_records(file: Path, subject: str) -> list[dict]:
    with file.open(encoding="utf-8", newline="") as rows:
        return [
            {
                "question": question,
                "subject": subject,
                "choices": choices,
                "answer": "ABCD".index(letter),
            }
            for question, *choices, letter in csv.reader(rows)
        ]


def wikitext_pages(file: Path) -> list[dict]:
    """Cut as the hub's data set is: a page starts at a heading of the first level."""
    pages, lines = [], []
    for line in file.read_text("utf-8").split("\n"):
        probe = line.replace("= = =", "===").replace("= =", "==").strip()
        if probe.startswith("= ") and probe.endswith(" ="):
            pages.append("\n".join(lines))
            lines = []
        lines.append(line)
    pages.append("\n".join(lines))
    return [{"page": page} for page in pages if page.strip()]


def write_data(source: Path, target: Path) -> list[str]:
    """Writes all data sets, and returns MMLU's subjects."""
    subjects = sorted(
        file.name.removesuffix("_test.csv") for file in (source / "mmlu/test").iterdir()
    )
    for subject in subjects:
        for split in ("dev", "test"):
            records = mmlu_records(source / f"mmlu/{split}/{subject}_{split}.csv", subject)
            write_lines(target / f"mmlu/{subject}/{split}.jsonl", records)
    arc = read_lines(source / "arc/arc_challenge_test.jsonl")
    write_lines(target / "arc/ARC-Challenge/test.jsonl", arc[:ARC_TEST_ROWS])
    write_lines(target / "arc/ARC-Challenge/train.jsonl", arc[ARC_TEST_ROWS:])
    for split in ("train", "test"):
        records = read_lines(source / f"gsm8k/{split}.jsonl")
        write_lines(target / f"gsm8k/{split}.jsonl", records)
    pages = wikitext_pages(source / "wikitext2/valid.txt")
    write_lines(target / "wikitext/test.jsonl", pages[:WIKITEXT_PAGES])
    # The harness opens a train split, though it draws nothing from it.
    write_lines(target / "wikitext/train.jsonl", pages[WIKITEXT_PAGES : WIKITEXT_PAGES + 1])
    return subjects


def write_tasks(folder: Path, data: Path, subjects: list[str]) -> None:
    """Tasks of the harness's own names, which differ from its own in where the data is.

    MMLU's groups are the harness's: they take what has their tag among these files, and that is
    the subjects that there are.
    """

    def override(task: str, packaged: str, where: str, splits: tuple[str, str]) -> None:
        files = {split: str(data / where / f"{split}.jsonl") for split in splits}
        settings = {
            "include": str(TASKS / packaged),
            "task": task,
            "dataset_path": "json",
            "dataset_name": None,
            "dataset_kwargs": {"data_files": files},
        }
        (folder / f"{task}.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")

    folder.mkdir()
    for subject in subjects:
        packaged = f"mmlu/default/mmlu_{subject}.yaml"
        override(f"mmlu_{subject}", packaged, f"mmlu/{subject}", ("dev", "test"))
    pair = ("train", "test")
    override("arc_challenge", "arc/arc_challenge.yaml", "arc/ARC-Challenge", pair)
    override("gsm8k", "gsm8k/gsm8k.yaml", "gsm8k", pair)
    override("wikitext", "wikitext/wikitext.yaml", "wikitext", pair)


# ---- The harness --------------------------------------------------------------------------------


def copy_model(source: Path, target: Path) -> None:
    """The model's folder, with a tokenizer that is tokenizer.json and nothing else."""
    target.mkdir()
    for file in source.iterdir():
        shutil.copyfile(file, target / file.name)
    settings = json.loads((target / "tokenizer_config.json").read_text("utf-8"))
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    (target / "tokenizer_config.json").write_text(json.dumps(settings, indent=1), "utf-8")


def evaluate(run: Run, model: Path, tasks: Path, out: Path) -> None:
    """Runs the harness's own command without a network."""
    asked = [sys.executable, "-m", "lm_eval", "run", "--model", "hf"]
    asked += ["--model_args", f"pretrained={model},dtype=float32"]
    asked += ["--device", "cpu", "--batch_size", "1"]
    asked += ["--include_path", str(tasks), "--tasks", run.task]
    asked += ["--output_path", str(out), "--log_samples"]
    if run.shots is not None:
        asked += ["--num_fewshot", str(run.shots)]
    if run.limit is not None:
        asked += ["--limit", str(run.limit)]
    offline = {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(out.parent / "cache"),
        "TOKENIZERS_PARALLELISM": "false",
    }
    with (out.parent / f"{run.name}.log").open("w") as log:
        done = subprocess.run(
            asked, env=os.environ | offline, stdout=log, stderr=subprocess.STDOUT, check=False
        )
    # Without pytablewriter the command fails after it has written its files.
    if not list(out.rglob("results_*.json")):
        tail = Path(log.name).read_text()[-3000:]
        raise SystemExit(f"{run.name}: no results, exit status {done.returncode}\n{tail}")


def shortest_float32(value: str) -> float:
    """The shortest decimal that rounds to the same float32, from one as the harness logged it.

    A log-likelihood of a pair is a float32 that was widened; Math.fround of this gives it again.
    """
    wide = float(value)
    packed = struct.pack("<f", wide)
    assert struct.unpack("<f", packed)[0] == wide, f"{value} is not a float32"
    for digits in range(1, 10):
        short = float(f"{wide:.{digits}g}")
        if struct.pack("<f", short) == packed:
            return short
    raise AssertionError(value)


def columns(file: Path) -> tuple[dict, list[dict]]:
    """A task's samples by column, and the records they are from; each filter has all documents."""
    records = read_lines(file)
    filters = list(dict.fromkeys(record["filter"] for record in records))
    by_filter = {name: [r for r in records if r["filter"] == name] for name in filters}
    first = by_filter[filters[0]]
    assert [r["doc_id"] for r in first] == list(range(len(first))), f"{file.name}: other documents"

    column = {
        name: [record[name][:HASH_DIGITS] for record in first]
        for name in ("doc_hash", "prompt_hash", "target_hash")
    }
    # One answer for each request: a pair's two strings, a rolling sum, or a text.
    answers = [[response for (response,) in record["resps"]] for record in first]
    if isinstance(answers[0][0], list):
        column["loglikelihoods"] = [[shortest_float32(ll) for ll, _ in row] for row in answers]
        greedy = {"True": "1", "False": "0"}
        column["greedy"] = ["".join(greedy[flag] for _, flag in row) for row in answers]
    elif isinstance(first[0]["arguments"]["gen_args_0"].get("arg_1"), dict):
        column["texts"] = [row[0] for row in answers]
        column["filtered"] = {
            name: [record["filtered_resps"][0] for record in rows]
            for name, rows in by_filter.items()
        }
    else:
        column["rolling"] = [float(row[0]) for row in answers]
    column["metrics"] = {
        f"{metric},{name}": [record[metric] for record in rows]
        for name, rows in by_filter.items()
        for metric in rows[0]["metrics"]
    }
    return column, first


def arguments(record: dict) -> list[tuple[str, str]]:
    """Context and continuation of each request; a text is all there is of a rolling one."""
    given = record["arguments"].values()
    return [
        (pair["arg_0"], pair["arg_1"] if isinstance(pair.get("arg_1"), str) else "")
        for pair in given
    ]


def check_tokens(model: Path, records: list[dict]) -> tuple[str, Callable[[str], int]]:
    """Stops unless transformers' ids are tokenizer.json's; returns their hash, and a counter."""
    theirs = AutoTokenizer.from_pretrained(model)
    plain = Tokenizer.from_file(str(model / "tokenizer.json"))
    known: dict[str, int] = {}
    digest = hashlib.sha256()
    for record in records:
        for context, continuation in arguments(record):
            for text in (context, context + continuation):
                if text in known:
                    continue
                ids = theirs(text)["input_ids"]
                assert ids == plain.encode(text).ids, f"other ids for {text[-200:]!r}"
                known[text] = len(ids)
                digest.update((" ".join(map(str, ids)) + "\n").encode())
    return digest.hexdigest(), known.__getitem__


def golden_of(run: Run, model: Path, out: Path, about: dict) -> dict:
    results_file = next(out.rglob("results_*.json"))
    results = json.loads(results_file.read_text("utf-8"))
    stamp = results_file.stem.removeprefix("results_")
    kept = {}
    strings, cut = [], 0
    room = results["max_length"]
    for task in results["task_hashes"]:
        samples = results_file.parent / f"samples_{task}_{stamp}.jsonl"
        kept[task], records = columns(samples)
        strings += records
    digest, length = check_tokens(model, strings)
    for record in strings:
        for context, continuation in arguments(record)[:1]:
            # A pair's input lacks its last token; a generation leaves 256 tokens free.
            need = length(context + continuation) - 1 if continuation else length(context) + 256
            cut += need > room
    asked = results["config"]
    return {
        "run": {"task": run.task, "num_fewshot": run.shots, "limit": run.limit},
        **about,
        "documents": len(strings),
        "documents_truncated": cut if run.task != "wikitext" else 0,
        "token_ids_sha256": digest,
        **{
            key: results[key]
            for key in [
                "results",
                "groups",
                "group_subtasks",
                "versions",
                "n-shot",
                "higher_is_better",
                "n-samples",
                "task_hashes",
                "max_length",
                "eot_token_id",
                "tokenizer_pad_token",
                "tokenizer_eos_token",
                "tokenizer_bos_token",
            ]
            if key in results
        },
        "config": {
            key: asked[key]
            for key in [
                "model_num_parameters",
                "model_dtype",
                "batch_size",
                "device",
                "limit",
                "bootstrap_iters",
                "gen_kwargs",
                "random_seed",
                "numpy_seed",
                "torch_seed",
                "fewshot_seed",
            ]
        },
        "samples": kept,
    }


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def data_hashes(data: Path, task: str) -> dict[str, str]:
    """SHA-256 of every file of a task's data, by its path below the data folder."""
    files = sorted((data / FOLDERS.get(task, task)).rglob("*.jsonl"))
    return {file.relative_to(data).as_posix(): sha256(file) for file in files}


def write_golden(file: Path, golden: dict) -> None:
    text = json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n"
    assert "/tmp" not in text and "/work" not in text, f"{file.name}: a path of this machine"
    # No time and no name inside, so that the same golden is the same bytes.
    file.write_bytes(gzip.compress(text.encode(), mtime=0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared/data")
    parser.add_argument("--model", type=Path, required=True, help="a Hugging Face style folder")
    parser.add_argument("--name", help="of the golden's folder; default: the model folder's name")
    parser.add_argument("--out", type=Path, help="default: goldens/<name> beside this file")
    parser.add_argument("--limit", type=int, help="documents of each task; default: all")
    parser.add_argument("--only", nargs="*", help="names of runs; default: all of them")
    parser.add_argument("--keep-data", type=Path, help="write the data here, and keep it")
    parser.add_argument("--keep-output", type=Path, help="keep the harness's own files here")
    asked = parser.parse_args()
    name = asked.name or asked.model.resolve().name
    out = asked.out or HERE / "goldens" / name
    out.mkdir(parents=True, exist_ok=True)

    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        data = (asked.keep_data or work / "data").resolve()
        subjects = write_data(asked.data, data)
        write_tasks(work / "tasks", data, subjects)
        copy_model(asked.model, work / "model")
        about = {
            "model": {
                "name": name,
                "weights_sha256": sha256(work / "model/model.safetensors"),
                "tokenizer_sha256": sha256(work / "model/tokenizer.json"),
            },
            "packages": {"python": sys.version.split()[0]}
            | {package: importlib.metadata.version(package) for package in PACKAGES},
        }
        for run in runs(asked.limit):
            if asked.only and run.name not in asked.only:
                continue
            results = work / run.name
            start = time.monotonic()
            evaluate(run, work / "model", work / "tasks", results)
            seconds = time.monotonic() - start
            hashes = {"data_sha256": data_hashes(data, run.task)}
            golden = golden_of(run, work / "model", results, about | hashes)
            write_golden(out / f"{run.name}.json.gz", golden)
            size = (out / f"{run.name}.json.gz").stat().st_size
            print(
                f"{name} {run.name}: {golden['documents']} documents, "
                f"{golden['documents_truncated']} cut to the window, {seconds:.0f} s, {size} bytes",
                flush=True,
            )
            if asked.keep_output:
                shutil.copytree(results, asked.keep_output / run.name, dirs_exist_ok=True)
                shutil.copy(work / f"{run.name}.log", asked.keep_output)


if __name__ == "__main__":
    main()
