"""Compare `bert-ner convert` on all of GMB with reading it with the `csv` module and building Docs.

Each way runs several times, always in a new process, and the ways take turns. Times exclude imports. The table shows
the median, minimum and maximum of the seconds, and of their ratios to the baseline (`csv module and Docs`) in the same
round. Peak memory covers the whole process. It is also measured for a file that contains the corpus five times.

    python benchmarks/convert.py --data ner_dataset.csv.zip --output benchmarks/convert.json
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from common import write_json
from wasabi import table


def read_with_csv(path: Path) -> None:
    """Run the baseline: read rows with the `csv` module and create a Doc for each sentence."""
    import spacy
    from spacy.tokens import Doc

    vocab = spacy.blank("en").vocab
    start = time.perf_counter()
    words: list[str] = []
    tags: list[str] = []
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
        rows = csv.reader(io.TextIOWrapper(file, "latin-1", newline=""))
        next(rows)
        for number, word, _, tag in rows:
            if number and words:
                Doc(vocab, words=words, ents=tags)
                words, tags = [], []
            words.append(word)
            tags.append(tag)
    Doc(vocab, words=words, ents=tags)
    report(time.perf_counter() - start)


def convert_all(path: Path, **options: Any) -> None:
    """Convert the corpus as `bert-ner convert` does."""
    from spacy_bert_ner.corpus.convert import convert

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        done = convert(path, Path(folder), **options)
        report(time.perf_counter() - start, sum(done.counts.values()))


def report(seconds: float, sentences: int = 0) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "sentences": sentences}))


MEASURE = "csv module and Docs"
WAYS: dict[str, Callable[[Path], None]] = {
    MEASURE: read_with_csv,
    "convert": convert_all,
    "convert --split, exact copies": partial(convert_all, split="80/10/10", duplicates="exact"),
    "convert --split, near copies": partial(convert_all, split="80/10/10"),
}


def run(way: str, path: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--data", str(path), "--way", way]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def five_times(path: Path, folder: str) -> Path:
    with zipfile.ZipFile(path) as archive:
        header, _, rows = archive.read(archive.namelist()[0]).partition(b"\n")
    large = Path(folder) / "five.csv"
    with large.open("wb") as file:
        file.write(header + b"\n")
        for _ in range(5):
            file.write(rows if rows.endswith(b"\n") else rows + b"\n")
    return large


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def main(arguments: argparse.Namespace) -> None:
    """Run all ways in turn, print a table and write the results as JSON."""
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(arguments.rounds):
        for way in WAYS:
            runs[way].append(run(way, arguments.data))
    with tempfile.TemporaryDirectory() as folder:
        # No split: all copies of a sentence are assigned to the same split, so the test split would be empty.
        large = run("convert", five_times(arguments.data, folder))
    rows, ratios = [], {}
    for way in WAYS:
        seconds = [r["seconds"] for r in runs[way]]
        ratios[way] = [s / r["seconds"] for s, r in zip(seconds, runs[MEASURE], strict=True)]
        rows.append(
            [way, spread(seconds), spread(ratios[way]), f"{statistics.median(r['peak_mb'] for r in runs[way]):.0f}"]
        )
    rows.append(["convert, five times the corpus", f"{large['seconds']:.2f}", "", f"{large['peak_mb']:.0f}"])
    print(table(rows, header=["way", "seconds", "ratio", "peak MB"], divider=True))
    if arguments.output:
        content = {"date": time.strftime("%Y-%m-%d"), "runs": runs, "five_times": large, "ratios": ratios}
        write_json(arguments.output, content)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="ner_dataset.csv.zip from the GMB corpus")
    parser.add_argument("--rounds", type=int, default=5, help="number of rounds")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()
    if options.way:
        WAYS[options.way](options.data)
    elif not options.data.is_file():
        sys.exit(
            f"error: there is no corpus at {options.data}. "
            "Download it: python -m spacy project assets --extra. Then set --data assets/gmb/ner_dataset.csv.zip"
        )
    else:
        main(options)
