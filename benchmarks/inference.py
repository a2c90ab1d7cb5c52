"""Compare several ways to predict entities with the same checkpoint: words per second, latency and memory.

    python benchmarks/inference.py --checkpoint training/model-best/bert_ner/model --output benchmarks/inference.json

The checkpoint must be trained on GMB. The recorded results used one without case markers (`mark_case = false`). The
texts are the GMB sentences that `train.py` uses to choose settings, in three workloads:

- `short`: 1,000 texts with one sentence each.
- `long`: the same sentences, joined into documents with 3,000 words.
- `mixed`: one such document after every 100 sentences.

The ways are:

- `spacy-huggingface-pipelines`: this adapter with its default settings. It needs transformers 4, so it runs in a
  separate environment. The first run creates this environment with `pip`, which takes some minutes.
- `transformers pipeline, N`: the transformers pipeline with batches of N texts.
- `hand-written loop, fp32` and `bf16`: windows sorted by length, in batches of 2,048 subwords. The loop returns the
  best tag for each subword and no entities.
- `bert_ner`: the component with its default settings. `bert_ner, bf16` and `int8` set the precision of the torch
  runtime. `bert_ner, onnx` and `onnx-int8` run the ONNX graphs that `export` writes for the checkpoint.
- `matrix products, fp32` and `bf16`: only the encoder's matrix products, with a batch of 2,048 subwords. They show the
  speed of the machine, and the table shows which fraction of it each way reaches.

With `--gpu`, the ways for which a GPU makes a difference run on the GPU. `bert_ner, bf16, 16384` has batches of 16,384
subwords, which fit into GPU memory.

Each way runs in a separate process, which loads the checkpoint and processes some texts before the measurements. Ways
take turns, and their order changes in each round. A slow period on a shared machine therefore affects all ways. Ratios
are computed within each round. The tables show their medians and ranges. `--plot` draws words per second.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from common import write_json
from environments import CACHE, TRANSFORMERS_4, clean_environment, make_environment, versions
from inference_plot import draw
from inference_ways import count_operations
from spacy.scorer import PRFScore
from spacy.tokens import Doc
from train import CORPORA, DATA, convert_corpus, read_docs, rotated
from wasabi import table

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.export.exporter import GRAPHS
from spacy_bert_ner.export.to_onnx import convert
from spacy_bert_ner.runtimes.onnx_checkpoint import OnnxCheckpoint
from spacy_bert_ner.util.atomic_io import atomic_files

HERE = Path(__file__).parent
ADAPTER, PIPELINE, LOOP, OWN, PRODUCTS = (
    "spacy-huggingface-pipelines",
    "transformers pipeline",
    "hand-written loop",
    "bert_ner",
    "matrix products",
)
SIZES = (1, 8, 32, 128)
WAYS = (
    ADAPTER,
    *(f"{PIPELINE}, {n}" for n in SIZES),
    *(f"{kind}, {precision}" for kind in (LOOP, PRODUCTS) for precision in ("fp32", "bf16")),
    OWN,
    *(f"{OWN}, {runtime}" for runtime in ("bf16", "int8", *GRAPHS)),
)
ON_GPU = (
    ADAPTER,
    *(f"{PIPELINE}, {n}" for n in SIZES),
    *(f"{kind}, {precision}" for kind in (LOOP, PRODUCTS) for precision in ("fp32", "bf16")),
    OWN,
    *(f"{OWN}, {runtime}" for runtime in ("bf16", "bf16, 16384", "fp16, 16384")),
)
N_SENTENCES, LONG_WORDS, EVERY = 1000, 3000, 100
N_LATENCIES = 30
RATE_SECONDS = 2.0


class Workload(NamedTuple):
    texts: list[str]
    n_words: int


def join(docs: list[Doc], n_words: int) -> list[str]:
    """Join neighbouring sentences into texts with at least `n_words` words. Drop the remaining sentences."""
    texts, parts, n = [], [], 0
    for doc in docs:
        parts.append(doc.text.strip())
        n += len(doc)
        if n >= n_words:
            texts.append(" ".join(parts))
            parts, n = [], 0
    return texts


def make_workloads(docs: list[Doc]) -> dict[str, Workload]:
    """Create the texts for each workload, and count their words as in the corpus."""
    sentences = docs[:N_SENTENCES]
    short, long = [doc.text for doc in sentences], join(sentences, LONG_WORDS)
    n_short, n_long = sum(map(len, sentences)), len(long) * LONG_WORDS
    mixed, n_mixed = [], 0
    for i, text in enumerate(long):
        part = sentences[i * EVERY : (i + 1) * EVERY]
        mixed += [*(doc.text for doc in part), text]
        n_mixed += sum(map(len, part)) + LONG_WORDS
    return {"short": Workload(short, n_short), "long": Workload(long, n_long), "mixed": Workload(mixed, n_mixed)}


class Worker:
    """A process that predicts entities in one way."""

    def __init__(self, way: str, python: str, checkpoint: Path, log: Path, device: str = "cpu") -> None:
        command = [python, str(HERE / "inference_ways.py"), way, str(checkpoint), device]
        variables = {**clean_environment(), "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
        self.way, self.log = way, log
        with log.open("w") as file:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": file}
            self.process = subprocess.Popen(command, text=True, env=variables, cwd=log.parent, **pipes)  # type: ignore[call-overload]

    def ask(self, **job: object) -> dict[str, Any]:
        """Run one job and return the answer."""
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(
                f"error: the process for {self.way} has ended. Fix the cause, or use --ways to skip this way. "
                f"Its output: {self.log.read_text()}"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Kill the process, even if it is busy."""
        self.process.kill()
        self.process.communicate()


def open_for(way: str, checkpoint: Path, folder: Path) -> Path:
    """Return the folder that a way loads: the checkpoint, or an ONNX graph that is exported here."""
    runtime = way.removeprefix(f"{OWN}, ")
    if runtime not in GRAPHS:
        return checkpoint.resolve()
    opened = Checkpoint.from_pretrained(checkpoint, local_files_only=True)
    OnnxCheckpoint.of(opened, convert(opened, GRAPHS[runtime])).save(folder / runtime)
    return folder / runtime


@contextmanager
def workers(ways: list[str], checkpoint: Path, environment: Path, device: str = "cpu") -> Iterator[dict[str, Worker]]:
    """Start a process for each way, and kill all processes at the end of the `with` block."""
    started: dict[str, Worker] = {}
    with tempfile.TemporaryDirectory() as temporary:
        try:
            for way in ways:
                python = sys.executable
                if way == ADAPTER:
                    python = str(make_environment(environment, f"{ADAPTER}==0.0.4", TRANSFORMERS_4))
                log = Path(temporary) / f"{len(started)}.txt"
                started[way] = Worker(way, python, open_for(way, checkpoint, Path(temporary)), log, device)
            yield started
        finally:
            for worker in started.values():
                worker.close()


def measure(asked: dict[str, Worker], workloads: dict[str, Workload], rounds: int) -> list[dict[str, Any]]:
    """Measure all ways on all workloads in each round.

    RETURNS: one dictionary per round, with `rates`, `seconds`, `latency` and `peak_mb`.
    """
    readers = [way for way in asked if not way.startswith(PRODUCTS)]
    for way in readers:
        asked[way].ask(do="seconds", texts=workloads["short"].texts[:64])
    done = []
    for turn in range(rounds):
        about: dict[str, Any] = {"rates": {}, "seconds": {}, "latency": {}, "peak_mb": {}}
        for way in rotated(list(asked), turn):
            if way not in readers:
                about["rates"][way] = asked[way].ask(do="rate", seconds=RATE_SECONDS)["rate"]
        for name, workload in workloads.items():
            about["seconds"][name] = {}
            for way in rotated(readers, turn):
                answer = asked[way].ask(do="seconds", texts=workload.texts)
                about["seconds"][name][way] = answer["seconds"]
                about["peak_mb"][way] = answer["peak_mb"]
        for way in rotated(readers, turn):
            texts = workloads["short"].texts[:N_LATENCIES]
            about["latency"][way] = statistics.median(asked[way].ask(do="latencies", texts=texts)["latencies"])
        done.append(about)
        print(json.dumps(about), flush=True)
    return done


def f1(predicted: list[list[list[Any]]], docs: list[Doc]) -> float:
    """Compute entity F1. Entities match if their character offsets and labels are equal."""
    score = PRFScore()
    for ents, doc in zip(predicted, docs, strict=True):
        gold = {(e.start_char, e.end_char, e.label_) for e in doc.ents}
        score.score_set({(start, end, label) for start, end, label in ents}, gold)
    return float(score.fscore)


def spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summarize(
    rounds: list[dict[str, Any]], workloads: dict[str, Workload], operations: dict[str, int], scores: dict[str, float]
) -> list[dict[str, Any]]:
    """Summarize the rounds in one row per workload and way.

    Each row has the words per second, the ratios to the other packages and the fraction of the machine's speed.
    """
    rows = []
    for name, workload in workloads.items():
        ways = list(rounds[0]["seconds"][name])
        peers = [way for way in ways if not way.startswith(OWN)]
        for way in ways:
            seconds = [r["seconds"][name][way] for r in rounds]
            row: dict[str, Any] = {
                "workload": name,
                "way": way,
                "words": spread([workload.n_words / s for s in seconds]),
            }
            row["ratios"] = {
                peer: spread([r["seconds"][name][peer] / r["seconds"][name][way] for r in rounds]) for peer in peers
            }
            row["shares"] = {
                products: spread([operations[name] / r["seconds"][name][way] / r["rates"][products] for r in rounds])
                for products in rounds[0]["rates"]
            }
            row["latency_ms"] = spread([1000 * r["latency"][way] for r in rounds])
            row["latency_ratios"] = {
                peer: spread([r["latency"][way] / r["latency"][peer] for r in rounds]) for peer in peers
            }
            row["peak_mb"] = max(r["peak_mb"][way] for r in rounds)
            row["f1"] = scores.get(way)
            rows.append(row)
    return rows


def best_pipeline(rows: list[dict[str, Any]], workload: str) -> str | None:
    """Return the transformers pipeline with the fastest batch size, or `None` if none was measured."""
    candidates = [row for row in rows if row["workload"] == workload and row["way"].startswith(PIPELINE)]
    return max(candidates, key=lambda row: row["words"]["median"])["way"] if candidates else None


def print_report(rows: list[dict[str, Any]]) -> None:
    """Print one table per workload."""
    for workload in dict.fromkeys(row["workload"] for row in rows):
        workload_rows = [row for row in rows if row["workload"] == workload]
        peers = [ADAPTER, best_pipeline(rows, workload), f"{LOOP}, fp32", f"{LOOP}, bf16"]
        measures = [peer for peer in peers if peer in workload_rows[0]["ratios"]]
        shares = list(workload_rows[0]["shares"])
        header = ["way", "words/s", *(f"/ {m}" for m in measures), *(f"of {s}" for s in shares)]
        header += ["ms", "F1", "peak MB"]
        lines = []
        for row in workload_rows:
            line = [row["way"], _range(row["words"], 0), *(_range(row["ratios"][m], 2) for m in measures)]
            line += [f"{row['shares'][s]['median']:.2f}" for s in shares]
            line += [f"{row['latency_ms']['median']:.1f}", "-" if row["f1"] is None else f"{row['f1']:.4f}"]
            lines.append([*line, f"{row['peak_mb']:.0f}"])
        print(f"\n{workload}")
        print(table(lines, header=header, divider=True))


def _range(values: dict[str, float], places: int) -> str:
    median, least, most = (f"{values[key]:.{places}f}" for key in ("median", "min", "max"))
    return f"{median} ({least}-{most})"


def main(options: argparse.Namespace) -> None:
    """Convert the corpus, measure all ways, and print and write the results."""
    if not (options.checkpoint / "config.json").is_file():
        sys.exit(
            f"error: there is no checkpoint at {options.checkpoint}. Train one: python -m spacy project run gmb. "
            "Then set --checkpoint training/gmb/model-best/bert_ner/model"
        )
    missing = [file for file in (options.data / name for name in CORPORA["choices"].files) if not file.is_file()]
    if missing:
        sys.exit(
            f"error: there is no corpus at {missing[0]}. "
            "Download it: python -m spacy project assets --extra. Then set --data assets"
        )
    with tempfile.TemporaryDirectory() as temporary:
        convert_corpus("choices", options.data, Path(temporary), 0)
        docs = read_docs(Path(temporary) / "far.spacy")[:N_SENTENCES]
    workloads = make_workloads(docs)
    operations = {name: count_operations(str(options.checkpoint), w.texts) for name, w in workloads.items()}
    ways, device = options.ways or (ON_GPU if options.gpu else WAYS), "cuda" if options.gpu else "cpu"
    with workers(list(ways), options.checkpoint, options.environment.resolve(), device) as asked:
        rounds = measure(asked, workloads, options.rounds)
        texts = workloads["short"].texts
        finders = [way for way in asked if not way.startswith((PRODUCTS, LOOP))]
        scores = {way: f1(asked[way].ask(do="entities", texts=texts)["entities"], docs) for way in finders}
    rows = summarize(rounds, workloads, operations, scores)
    print_report(rows)
    if options.output:
        machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
        if options.gpu:
            machine["gpu"] = torch.cuda.get_device_name()
        content = {"date": time.strftime("%Y-%m-%d"), "machine": machine, "packages": versions(sys.executable)}
        write_json(options.output, {**content, "rows": rows})
    if options.plot:
        with atomic_files(options.plot.parent, [options.plot.name]) as (target,):
            draw(rows, target)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True, help="folder with a token classifier trained on GMB")
    parser.add_argument("--data", type=Path, default=DATA, help="folder that contains gmb/, such as assets")
    parser.add_argument("--environment", type=Path, default=CACHE, help="folder for the separate environment")
    parser.add_argument("--ways", nargs="+", choices=dict.fromkeys(WAYS + ON_GPU), help="ways to measure")
    parser.add_argument("--gpu", action="store_true", help="run on a GPU")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--plot", type=Path, help="PNG file to write")
    return parser


if __name__ == "__main__":
    main(make_parser().parse_args())
