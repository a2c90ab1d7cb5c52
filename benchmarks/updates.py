"""Measure the cost of training settings: seconds per update, compared with `configs/bert_ner.cfg`.

    python benchmarks/updates.py --corpus corpus/train.spacy --output benchmarks/updates.json

The ways take turns on the same batches of 16 Docs, in a single process. The time covers the forward pass, the backward
pass and the optimizer step. Ratios compare the times for the same batch. The table shows their median, and their 5th
and 95th percentiles.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from common import write_json
from spacy.tokens import DocBin
from spacy.training import Example
from spacy.util import load_config, load_model_from_config, registry
from train import rotated
from wasabi import table

from spacy_bert_ner import BertNer

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "configs" / "bert_ner.cfg"
BASE = "as it is"
WAYS: dict[str, dict[str, Any]] = {
    BASE: {},
    "fp32": {"precision": "fp32"},
    "checkpointing": {"gradient_checkpointing": True},
    "fp32, checkpointing": {"precision": "fp32", "gradient_checkpointing": True},
    "none frozen": {"frozen_layers": 0},
}
BATCH, WARM_UP = 16, 2


def make_update(encoder: str, corpus: Path, model: dict[str, Any]) -> Callable[[int], float]:
    """Create a function that updates on the batch with a given number and returns the seconds for the update."""
    config = load_config(CONFIG)
    config["components"]["bert_ner"]["model"].update(name=encoder, **model)
    nlp = load_model_from_config(config, auto_fill=True)
    golds = list(DocBin().from_disk(corpus).get_docs(nlp.vocab))
    random.Random(0).shuffle(golds)
    examples = [Example(nlp.make_doc(gold.text), gold) for gold in golds]
    batches = [examples[i : i + BATCH] for i in range(0, len(examples), BATCH)]
    pipe = cast(BertNer, nlp.get_pipe("bert_ner"))
    pipe.initialize(lambda: examples, nlp=nlp)
    optimizer = registry.resolve({"optimizer": nlp.config.interpolate()["training"]["optimizer"]})["optimizer"]

    def update(number: int) -> float:
        start = time.perf_counter()
        pipe.update(batches[number % len(batches)], drop=0.1, sgd=optimizer)
        seconds = time.perf_counter() - start
        optimizer.step_schedules()
        return seconds

    return update


def measure(encoder: str, corpus: Path, n_updates: int) -> list[dict[str, Any]]:
    """Measure all ways in turn.

    RETURNS: one row per way, with its seconds per batch and their ratios to the seconds for `BASE` with the same batch.
    """
    updates = {way: make_update(encoder, corpus, settings) for way, settings in WAYS.items()}
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(n_updates + WARM_UP):
        # Rotate the ways, because the first way in each turn uses the batch before it is in the caches.
        for way in rotated(list(WAYS), number):
            spent = updates[way](number)
            if number >= WARM_UP:
                seconds[way].append(spent)
    return [
        {"way": way, "seconds": spent, "ratios": [a / b for a, b in zip(spent, seconds[BASE], strict=True)]}
        for way, spent in seconds.items()
    ]


def main(options: argparse.Namespace) -> None:
    rows = measure(options.encoder, options.corpus, options.updates)
    shown = []
    for row in rows:
        low, *_, high = statistics.quantiles(row["ratios"], n=20)
        ratio = statistics.median(row["ratios"])
        shown.append([row["way"], f"{statistics.median(row['seconds']):.3f}", f"{ratio:.2f} ({low:.2f}-{high:.2f})"])
    print(table(shown, header=["way", "seconds", "ratio"], divider=True))
    if options.output:
        write_json(options.output, {"date": time.strftime("%Y-%m-%d"), "rows": rows})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default=str(ROOT / "assets" / "encoder"), help="encoder to train")
    parser.add_argument("--corpus", type=Path, required=True, help=".spacy file with gold entities")
    parser.add_argument("--updates", type=int, default=40, help="number of batches to measure")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    if not arguments.corpus.is_file():
        sys.exit(
            f"error: there is no corpus at {arguments.corpus}. "
            "Create one: python -m spacy bert-ner convert CORPUS FOLDER"
        )
    if arguments.updates < 2:
        sys.exit(
            f"error: --updates {arguments.updates} is too small to compute a range. "
            "Allowed: whole numbers from 2. For example: --updates 40"
        )
    main(arguments)
