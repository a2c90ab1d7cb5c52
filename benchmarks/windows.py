"""Measure entity F1 and time on long documents for different window sizes, overlaps and boundaries.

    python benchmarks/windows.py --checkpoint training/model-best/bert_ner/model --corpus corpus/test.spacy \
        --output benchmarks/windows.json

The script joins the Docs in a `.spacy` file, usually sentences, into documents with `--words` words. All ways predict
entities in these documents, except the first one, which processes the original Docs one by one. The ways take turns in
each round. Each ratio compares the time with that for 512-subword windows with an overlap of 128, in the same round.
The table shows the median ratio.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import spacy
from common import bare, write_json
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from wasabi import table

from spacy_bert_ner import score_bert_ner

ALONE = "one by one"
BASE = (512, 128, "tokens")
WINDOWS = [
    BASE,
    *((*pair, "tokens") for pair in ((512, 16), (256, 64), (128, 32), (128, 16), (64, 16))),
    *((*pair, "sentences") for pair in ((512, 128), (256, 64), (128, 32), (64, 16))),
]


def join(docs: Iterable[Doc], n_words: int) -> list[Doc]:
    """Join Docs into documents with at least `n_words` words. The last one may be shorter."""
    joined, rest = [], []
    for doc in docs:
        rest.append(doc)
        if sum(map(len, rest)) >= n_words:
            joined.append(Doc.from_docs(rest))
            rest = []
    return joined + ([Doc.from_docs(rest)] if rest else [])


def make_pipeline(checkpoint: str, window: int | None, overlap: int, cut_at: str = "sentences") -> Language:
    nlp = spacy.blank("en")
    nlp.max_length = 10**8
    model = {"name": checkpoint, "window": window, "overlap": overlap, "cut_at": cut_at}
    nlp.add_pipe("bert_ner", config={"model": model})
    return nlp


def read(nlp: Language, golds: list[Doc]) -> tuple[dict[str, Any], float]:
    """Predict entities on the gold words.

    RETURNS: the scores, and the seconds for the predictions.
    """
    docs = [bare(gold, nlp.vocab) for gold in golds]
    start = time.perf_counter()
    predicted = list(nlp.pipe(docs))
    seconds = time.perf_counter() - start
    return score_bert_ner([Example(doc, gold) for doc, gold in zip(predicted, golds, strict=True)]), seconds


def measure(checkpoint: str, sentences: list[Doc], n_words: int, rounds: int) -> list[dict[str, Any]]:
    """Measure all ways in each round.

    RETURNS: one row per way, with its scores, its seconds per round and the median ratio to the seconds for `BASE`.
    """
    long = join(sentences, n_words)
    ways = {ALONE: make_pipeline(checkpoint, None, 16)} | {way: make_pipeline(checkpoint, *way) for way in WINDOWS}
    scores: dict[Any, dict[str, Any]] = {}
    seconds: dict[Any, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, nlp in ways.items():
            scores[way], once = read(nlp, sentences if way == ALONE else long)
            seconds[way].append(once)
    rows = []
    for way, spent in seconds.items():
        ratios = [a / b for a, b in zip(spent, seconds[BASE], strict=True)]
        window, overlap, cut_at = (None, None, None) if way == ALONE else way
        row: dict[str, Any] = {"window": window, "overlap": overlap, "cut_at": cut_at}
        row |= {"seconds": spent, "ratio": statistics.median(ratios)}
        rows.append(row | {key: scores[way][key] for key in ("ents_p", "ents_r", "ents_f")})
    return rows


def main(options: argparse.Namespace) -> None:
    docs = [doc for doc in DocBin().from_disk(options.corpus).get_docs(spacy.blank("en").vocab) if len(doc)]
    rows = measure(str(options.checkpoint), docs, options.words, options.rounds)
    shown = [
        [
            ALONE if row["window"] is None else f"{row['window']}, {row['overlap']}, {row['cut_at']}",
            *(f"{row[key]:.4f}" for key in ("ents_p", "ents_r", "ents_f")),
            f"{row['ratio']:.2f}",
        ]
        for row in rows
    ]
    print(table(shown, header=["way", "P", "R", "F1", "time / the second"], divider=True))
    if options.output:
        content = {
            "date": time.strftime("%Y-%m-%d"),
            "corpus": options.corpus.name,
            "docs": len(docs),
            "tokens": sum(map(len, docs)),
            "words_of_a_document": options.words,
            "rows": rows,
        }
        write_json(options.output, content)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True, help="folder with a token classifier")
    parser.add_argument("--corpus", type=Path, required=True, help=".spacy file with gold entities")
    parser.add_argument("--words", type=int, default=3000, help="number of words per document")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    if not options.corpus.is_file():
        sys.exit(
            f"error: there is no corpus at {options.corpus}. Create one: python -m spacy bert-ner convert CORPUS FOLDER"
        )
    if not (options.checkpoint / "config.json").is_file():
        sys.exit(f"error: there is no checkpoint in {options.checkpoint}. Set --checkpoint PIPELINE/bert_ner/model")
    main(options)
