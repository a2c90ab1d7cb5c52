"""Measure the speed-up with more training processes, and the time for communication between them.

    python benchmarks/workers.py --corpus corpus/train.spacy --output benchmarks/workers.json

The script trains with `configs/bert_ner.cfg`, both as it is and with all layers trained. Three ways take turns: one
process with one thread, one process with two threads, and two processes with one thread each, which `torchrun` starts.
All ways use the same batches, and the first steps are not measured. `telling` is the fraction of the time that workers
spend on communication, including waiting for slower workers.

    python benchmarks/workers.py --gpus --batches 32 256 --output benchmarks/workers_gpu.json

With `--gpus`, the script measures training on 1, 2, 4 and more GPUs, up to the number available, in float32 and
bfloat16. All layers are trained. The encoder has the size of BERT-base and random weights, which take the same time.

    python benchmarks/workers.py --cluster

With `--cluster`, the script measures nothing. It calculates how long a step would take on 8 and 64 GPUs, and prints the
assumptions.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import spacy
import torch
from common import write_json
from spacy.tokens import Doc, DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_config
from thinc.api import require_gpu
from transformers import AutoTokenizer, BertConfig, BertModel
from wasabi import table

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.training.distributed import join_process_group
from spacy_bert_ner.training.resumable_pipeline import added_gradients
from spacy_bert_ner.training.trainer import Trainer

ROOT = Path(__file__).parent.parent
Ways = dict[str, tuple[int, int]]
WAYS: Ways = {"1 process, 1 thread": (1, 1), "1 process, 2 threads": (1, 2), "2 processes, 1 thread": (2, 1)}
"""Number of processes, and number of threads per process."""
Kinds = dict[str, tuple[int, str]]
KINDS: Kinds = {"as it is": (1, "fp32"), "all trained": (0, "fp32")}
"""Number of frozen layers, and precision. MiniLM-L6 has 22.7 million parameters. The embeddings and one layer have 13.7
million of them."""
ON_GPUS: Kinds = {"all trained, fp32": (0, "fp32"), "all trained, bf16": (0, "bf16")}
WARM_UP = 3


def work(options: argparse.Namespace) -> None:
    """Train in one worker process. The first worker prints the measurements."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    gpu = int(os.environ.get("LOCAL_RANK", "0")) if options.gpus else -1
    if options.gpus:
        require_gpu(gpu)
    dev = Path(tempfile.mkdtemp()) / "dev.spacy"  # spaCy evaluates after the first step
    DocBin(docs=[spacy.blank("en")("Nobody came .")]).to_disk(dev)
    config = load_config(
        ROOT / "configs" / "bert_ner.cfg",
        overrides={
            "paths.train": str(options.corpus),
            "paths.dev": str(dev),
            "components.bert_ner.model.name": str(options.encoder),
            "components.bert_ner.model.frozen_layers": options.frozen,
            "components.bert_ner.model.precision": options.precision,
            "training.batcher.size": options.batch,
            "training.eval_frequency": 10**9,
            "training.patience": 0,
        },
    )
    with join_process_group(on_gpu=options.gpus) as workers:
        nlp = init_nlp(config, use_gpu=gpu)
        trainer = Trainer(nlp, None, {}, workers=workers, use_gpu=gpu)
        start = seconds_before = 0.0
        words = words_before = 0
        with added_gradients(nlp, [], workers):
            for number, (_, info, _) in enumerate(trainer.steps):
                workers.any_rank(False, False)  # the check for a stop signal, as in the command
                words = info["words"]
                if number in (WARM_UP, WARM_UP + options.steps) and options.gpus:
                    torch.cuda.synchronize()
                if number == WARM_UP:
                    start, seconds_before, words_before = time.perf_counter(), workers.seconds, words
                if number == WARM_UP + options.steps:
                    break
        seconds = time.perf_counter() - start
        model = nlp.get_pipe("bert_ner").model  # type: ignore[attr-defined]
        checkpoint = model.shims[0].checkpoint
        n_trained = sum(param.numel() for param in checkpoint.model.parameters() if param.requires_grad)
        if workers.is_first:
            results = {"seconds": seconds / options.steps, "telling": (workers.seconds - seconds_before) / seconds}
            words_per_second = (words - words_before) / seconds
            docs = list(DocBin().from_disk(options.corpus).get_docs(nlp.vocab))
            results |= {"words": words_per_second, "subwords": words_per_second * subwords_of(checkpoint, docs)}
            results |= {"trained": n_trained}
            if options.gpus:
                results["peak_mb"] = torch.cuda.max_memory_allocated() / 2**20
            print(json.dumps(results))


def subwords_of(checkpoint: Checkpoint, docs: list[Doc]) -> float:
    """Return the mean number of subwords per word, without special subwords."""
    return sum(len(encoding.ids) for encoding in checkpoint.tokenize([doc.text for doc in docs])) / sum(map(len, docs))


def make_base(folder: Path, tokenizer: Path) -> Path:
    """Save an encoder with the size of BERT-base and random weights."""
    AutoTokenizer.from_pretrained(tokenizer).save_pretrained(folder)
    torch.manual_seed(0)
    BertModel(BertConfig()).save_pretrained(folder)
    return folder


def run(options: argparse.Namespace, n: int, threads: int, kind: tuple[int, str], batch: int) -> dict[str, float]:
    # Set the local address, because looking it up takes long without a name server.
    starter = ["-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", str(n)]
    line = [sys.executable, *(starter if n > 1 else []), __file__]
    line += ["--worker", "--corpus", str(options.corpus), "--encoder", str(options.encoder)]
    line += ["--steps", str(options.steps), "--batch", str(batch), "--frozen", str(kind[0]), "--precision", kind[1]]
    line += ["--gpus"] if options.gpus else []
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run(line, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"error: training with {n} processes failed. Fix the cause and retry. Output: {done.stderr}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(options: argparse.Namespace, ways: Ways, kinds: Kinds) -> None:
    rounds: dict[str, list[dict[str, float]]] = {}
    for _ in range(options.rounds):
        for kind in kinds:
            for batch in options.batches:
                for way, (n, threads) in ways.items():
                    result = run(options, n, threads, kinds[kind], batch)
                    rounds.setdefault(f"{kind}; {batch}; {way}", []).append(result)
    rows = []
    for name, results in rounds.items():
        kind, batch_, way = name.split("; ")
        base = rounds[f"{kind}; {batch_}; {next(iter(ways))}"]
        ratios = sorted(first["seconds"] / result["seconds"] for first, result in zip(base, results, strict=True))
        times = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
        middle = {key: statistics.median(result[key] for result in results) for key in results[0]}
        share = f"{middle['telling']:.0%}" if ways[way][0] > 1 else "-"
        speeds = [f"{1 / middle['seconds']:.2f}", f"{middle['words']:,.0f}", f"{middle['subwords']:,.0f}"]
        rows.append([kind, batch_, way, *speeds, times, share])
    header = ("layers", "batch", "way", "steps/s", "words/s", "subwords/s", "times the first", "telling")
    print(table(rows, header=header, divider=True))
    if options.output:
        about = {"date": time.strftime("%Y-%m-%d"), "steps": options.steps}
        if options.gpus:
            about["gpu"] = torch.cuda.get_device_name()
        write_json(options.output, {**about, "rounds": rounds})


def on_gpus() -> Ways:
    """Return the ways with 1, 2, 4 and more GPUs, up to the number available."""
    n = torch.cuda.device_count()
    if not n:
        raise SystemExit("error: there is no GPU. To measure on the CPU, run the command without --gpus.")
    counts = [2**i for i in range(n.bit_length()) if 2**i <= n]
    return {f"{count} GPU{'s' if count > 1 else ''}": (count, 1) for count in counts}


def cluster(options: argparse.Namespace) -> None:
    """Calculate and print the time per step on 8 and 64 GPUs.

    The calculation assumes that float32 gradients are exchanged in a ring after the backward pass, without overlap.
    """
    size = options.parameters * 4
    print(
        table(
            [
                ["parameters trained", f"{options.parameters:,.0f}, {size / 1e6:,.0f} MB of gradients"],
                ["assumed: subwords a second that a GPU trains on", f"{options.subwords:,.0f}"],
                ["assumed: within a machine of 8 GPUs", f"{options.inside / 1e9:,.0f} GB/s for each"],
                ["assumed: between machines", f"{options.between / 1e9:,.1f} GB/s for each"],
                ["assumed: subwords of a sentence", "30"],
                ["telling: a ring moves 2 (n - 1) / n of the gradients", "through the slowest link"],
            ],
            divider=True,
        )
    )
    rows = []
    for n, bandwidth in ((8, options.inside), (64, options.between)):
        telling = 2 * (n - 1) / n * size / bandwidth
        for per_gpu in (4, 32, 256):
            computing = per_gpu * 30 / options.subwords
            total = computing + telling
            rows.append(
                [
                    str(n),
                    f"{n * per_gpu:,}",
                    f"{computing * 1000:,.1f}",
                    f"{telling * 1000:,.1f}",
                    f"{telling / total:.0%}",
                    f"{n * per_gpu / total:,.0f}",
                    f"{n * computing / total:.1f}",
                ]
            )
    header = ("GPUs", "batch", "computing, ms", "telling, ms", "share", "sentences/s", "times one GPU")
    print(table(rows, header=header, divider=True))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=ROOT / "corpus" / "train.spacy", help="training data")
    parser.add_argument("--encoder", type=Path, default=ROOT / "assets" / "encoder", help="encoder to train")
    parser.add_argument("--steps", type=int, default=20, help="number of measured steps")
    parser.add_argument("--batches", type=int, nargs="+", default=[16, 64], help="sentences per batch, for all workers")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--gpus", action="store_true", help="run on GPUs")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--frozen", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--precision", help=argparse.SUPPRESS)
    parser.add_argument("--cluster", action="store_true", help="calculate for a cluster and measure nothing")
    parser.add_argument("--parameters", type=float, default=108e6, help="number of trained parameters, for --cluster")
    parser.add_argument("--subwords", type=float, default=60_000, help="subwords per second on one GPU, for --cluster")
    parser.add_argument("--inside", type=float, default=200e9, help="bytes per second per GPU within a machine")
    parser.add_argument("--between", type=float, default=12.5e9, help="bytes per second per GPU between machines")
    given = parser.parse_args()
    if given.worker:
        work(given)
    elif given.cluster:
        cluster(given)
    elif given.gpus:
        with tempfile.TemporaryDirectory() as temporary:
            given.encoder = make_base(Path(temporary), given.encoder)
            measure(given, on_gpus(), ON_GPUS)
    else:
        measure(given, WAYS, KINDS)
