"""Compare trained pipelines by their scores in each epoch, their test scores and their tags for a sentence.

    python scripts/compare.py training/article/model-last training/ours/model-best --sentence "Kevin Durant plays."

The folder that contains a pipeline must also contain `log.csv` and `scores.json`. The logger
`spacy_bert_ner.CsvLogger.v1` writes `log.csv`. Set its `curves`, and evaluate once per epoch during training.
`spacy evaluate --per-component` writes `scores.json`.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import spacy
import srsly
from wasabi import msg, table

# The headings are short so that the whole table fits into 100 columns.
EPOCH = {
    "loss_bert_ner": "training loss",
    "train_iob_doc_acc": "training acc.",
    "dev_loss_bert_ner": "dev loss",
    "iob_doc_acc": "dev acc.",
    "iob_acc": "dev acc. (tokens)",
    "ents_f": "dev F1",
}
TEST = {"iob_doc_acc": "test accuracy, mean of sentences", "iob_acc": "test accuracy, all tokens", "ents_f": "test F1"}


def print_epochs(log: Path) -> None:
    """Print one row per epoch. Skip the evaluation that spaCy adds after the first batch."""
    with log.open(encoding="utf8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["step"] != "0"]
    lines = [
        (number, int(row["step"]) + 1, *(_figure(row.get(key)) for key in EPOCH))
        for number, row in enumerate(rows, start=1)
    ]
    header = ("epoch", "batches", *EPOCH.values())
    print(table(lines, header=header, divider=True, aligns=["r"] * len(header)))
    print("acc.: share of correctly tagged tokens, averaged over sentences; (tokens): over all tokens\n")


def print_scores(pipelines: list[Path]) -> None:
    """Print the test scores, with one column per pipeline."""
    scores = [srsly.read_json(path.parent / "scores.json")["bert_ner"] for path in pipelines]
    rows = [(about, *(_figure(pipeline_scores[key]) for pipeline_scores in scores)) for key, about in TEST.items()]
    print(table(rows, header=("", *(path.parent.name for path in pipelines)), divider=True))


def print_tags(pipelines: list[Path], sentence: str) -> None:
    """Print the tag for each token in a sentence, with one column per pipeline."""
    docs = [spacy.load(path)(sentence) for path in pipelines]
    tags = [[f"{t.ent_iob_}-{t.ent_type_}" if t.ent_type else "O" for t in doc] for doc in docs]
    rows = list(zip([token.text for token in docs[0]], *tags, strict=True))
    print(table(rows, header=("token", *(path.parent.name for path in pipelines)), divider=True))


def _figure(value: str | float | None) -> str:
    return "-" if value in (None, "") else f"{float(value or 0):.4f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipelines", type=Path, nargs="+", help="folders with trained pipelines")
    parser.add_argument("--sentence", required=True, help="sentence to tag")
    arguments = parser.parse_args()
    for path in arguments.pipelines:
        msg.divider(path.parent.name)
        print_epochs(path.parent / "log.csv")
    msg.divider("Scores on the test data")
    print_scores(arguments.pipelines)
    print_tags(arguments.pipelines, arguments.sentence)
