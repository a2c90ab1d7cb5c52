"""Print what trained pipelines did in each epoch, their accuracy on the test data, and the tags of a sentence.

python scripts/compare.py training/article/model-last training/ours/model-best --sentence "Kevin Durant plays."

Beside each pipeline lie `log.csv`, of the logger `spacy_bert_ner.CsvLogger.v1` with an evaluation an epoch and with
`curves`, and `scores.json`, of `spacy evaluate --per-component`.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import spacy
import srsly
from wasabi import msg, table

# Short, as all of them are to stand on a line of 100 columns.
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
    """Print a row an epoch. The evaluation of the first batch, which spaCy adds, is left out."""
    with log.open(encoding="utf8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["step"] != "0"]
    lines = [
        (number, int(row["step"]) + 1, *(_figure(row.get(key)) for key in EPOCH))
        for number, row in enumerate(rows, start=1)
    ]
    header = ("epoch", "batches", *EPOCH.values())
    print(table(lines, header=header, divider=True, aligns=["r"] * len(header)))
    print("acc.: share of tokens with the right tag, mean of sentences; (tokens): of all tokens\n")


def print_scores(pipelines: list[Path]) -> None:
    """Print the scores on the test data, a column a pipeline."""
    scores = [srsly.read_json(path.parent / "scores.json")["bert_ner"] for path in pipelines]
    rows = [(about, *(_figure(of_one[key]) for of_one in scores)) for key, about in TEST.items()]
    print(table(rows, header=("", *(path.parent.name for path in pipelines)), divider=True))


def print_tags(pipelines: list[Path], sentence: str) -> None:
    """Print the tag of each token of a sentence, a column a pipeline."""
    docs = [spacy.load(path)(sentence) for path in pipelines]
    tags = [[f"{t.ent_iob_}-{t.ent_type_}" if t.ent_type else "O" for t in doc] for doc in docs]
    rows = list(zip([token.text for token in docs[0]], *tags, strict=True))
    print(table(rows, header=("token", *(path.parent.name for path in pipelines)), divider=True))


def _figure(value: str | float | None) -> str:
    return "-" if value in (None, "") else f"{float(value or 0):.4f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipelines", type=Path, nargs="+", help="folders of trained pipelines")
    parser.add_argument("--sentence", required=True, help="text to tag")
    arguments = parser.parse_args()
    for path in arguments.pipelines:
        msg.divider(path.parent.name)
        print_epochs(path.parent / "log.csv")
    msg.divider("On the test data")
    print_scores(arguments.pipelines)
    print_tags(arguments.pipelines, arguments.sentence)
