"""Load an installed pipeline package and print its scores and the entities in a sentence.

    python scripts/annotate.py en_bert_ner_sample "Kevin Durant plays." --scores training/scores.json

Without `--scores`, only the entities are printed.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import spacy
import srsly
from wasabi import msg, table

HEADLINES = {
    "ents_p": "entity precision",
    "ents_r": "entity recall",
    "ents_f": "entity F1",
    "iob_acc": "token accuracy, all tokens",
    "iob_doc_acc": "token accuracy, mean of sentences",
}


def print_scores(scores: dict[str, Any]) -> None:
    """Print the `bert_ner` scores that `spacy evaluate --per-component` wrote."""
    rows = [(about, _figure(scores[key])) for key, about in HEADLINES.items()]
    print(table(rows, header=("scores on the test data", ""), divider=True, aligns=("l", "r"), max_col=40))
    per_type = scores["ents_per_type"] or {}  # spaCy writes null if there is nothing to score
    types = [(label, *(_figure(s[k]) for k in "prf")) for label, s in sorted(per_type.items())]
    print(table(types, header=("entity type", "P", "R", "F1"), divider=True, aligns=("l", "r", "r", "r")))


def _figure(score: float | None) -> str:
    return "-" if score is None else f"{score:.4f}"


def print_entities(package: str, sentence: str) -> None:
    """Print a sentence and its predicted entities."""
    doc = spacy.load(package)(sentence)
    msg.good(f"{package}: {sentence}")
    if doc.ents:
        print(table([(ent.text, ent.label_) for ent in doc.ents], header=("entity", "label"), divider=True))
    else:
        msg.warn("No entities were found in this sentence.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", help="name of an installed pipeline package")
    parser.add_argument("sentence", help="sentence to annotate")
    parser.add_argument("--scores", type=Path, help="JSON file written by `spacy evaluate --per-component`")
    arguments = parser.parse_args()
    if arguments.scores:
        print_scores(srsly.read_json(arguments.scores)["bert_ner"])
    print_entities(arguments.package, arguments.sentence)
