"""Measure decoding and entity scores with 2 to 1,000 labels, for 100 sentences with 25 tokens each.

The logits are random, so nearly every sentence needs a Viterbi search. With a trained model, few sentences need it.
The script measures this process's CPU time with one NumPy thread. Configurations take turns. The table shows the median
and the range of the milliseconds for building the tag rules, decoding and scoring. The last column is the time
per label for decoding and scoring, relative to that with 100 labels. It is 1 if the time grows linearly.

    OMP_NUM_THREADS=1 python benchmarks/labels.py --output benchmarks/labels.json
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from common import write_json
from wasabi import table

from spacy_bert_ner.decoding import tag_scheme as tags
from spacy_bert_ner.decoding.automaton import automaton_of
from spacy_bert_ner.decoding.entity_scores import entity_scores
from spacy_bert_ner.decoding.viterbi import decode_tags
from spacy_bert_ner.types import Entity

LABELS = (2, 10, 50, 85, 100, 200, 400, 600, 1000)
N_SENTENCES, LENGTH = 100, 25
STEPS = ("rules", "decode", "scores")


def time_steps(n_labels: int, scheme: str) -> dict[str, float]:
    """Measure the CPU time for each step in milliseconds."""
    tags.build_tag_set.cache_clear()
    automaton_of.cache_clear()
    labels = [f"L{i}" for i in range(n_labels)]
    names = tags.tags_of_labels(labels, scheme)
    times = [time.process_time()]
    known = tags.build_tag_set(names, scheme)
    automaton_of(known)
    times.append(time.process_time())
    n_tokens = N_SENTENCES * LENGTH
    logits = np.random.default_rng(0).normal(size=(n_tokens, len(names))).astype(np.float32)
    begins = np.arange(n_tokens) % LENGTH == 0
    entities = [Entity(labels[i % n_labels], start, start + 2) for i, start in enumerate(range(3, n_tokens, LENGTH))]
    start = time.process_time()
    decode_tags(logits, begins, known, decoding="viterbi")
    decoded = time.process_time()
    entity_scores(logits, begins, entities, known)
    scored = time.process_time()
    spent = (times[1] - times[0], decoded - start, scored - decoded)
    return dict(zip(STEPS, (1000 * seconds for seconds in spent), strict=True))


def measure(schemes: list[str], rounds: int) -> list[dict[str, Any]]:
    """Measure all steps for each scheme and number of labels in each round.

    RETURNS: one row per scheme and number of labels, with a list of milliseconds for each step.
    """
    times: dict[tuple[str, int], dict[str, list[float]]] = defaultdict(lambda: {step: [] for step in STEPS})
    for _ in range(rounds):
        for scheme in schemes:
            for n_labels in LABELS:
                for step, milliseconds in time_steps(n_labels, scheme).items():
                    times[scheme, n_labels][step].append(milliseconds)
    return [{"scheme": scheme, "labels": n, **steps} for (scheme, n), steps in times.items()]


def show(rows: list[dict[str, Any]]) -> str:
    """Format the results as a table."""

    def per_label(row: dict[str, Any]) -> float:
        return float(statistics.median(row["decode"]) + statistics.median(row["scores"])) / int(row["labels"])

    base = {row["scheme"]: per_label(row) for row in rows if row["labels"] == 100}
    cells = [
        [
            row["scheme"],
            f"{row['labels']:,}",
            *(f"{statistics.median(row[s]):.0f} ({min(row[s]):.0f}-{max(row[s]):.0f})" for s in STEPS),
            f"{per_label(row) / base[row['scheme']]:.2f}",
        ]
        for row in rows
    ]
    return str(
        table(
            cells,
            header=("scheme", "labels", *(f"{step}, ms" for step in STEPS), "a label"),
            aligns=("l", "r", "r", "r", "r", "r"),
        )
    )


def main() -> None:
    """Print the results as a table and write them as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schemes", nargs="+", default=["IOB2", "BILUO"], help="tag schemes")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    args = parser.parse_args()
    rows = measure(args.schemes, args.rounds)
    print(show(rows))
    if args.output:
        write_json(args.output, {"sentences": N_SENTENCES, "tokens": N_SENTENCES * LENGTH, "rows": rows})


if __name__ == "__main__":
    main()
