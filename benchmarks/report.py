"""Measure how long a report takes in addition to the predictions, and how large it is.

    python benchmarks/report.py PIPELINE DATA --train TRAIN --output benchmarks/report.json

The script runs `python -m spacy bert-ner evaluate PIPELINE DATA --report DIR` in this process. It measures the seconds
for the predictions and for everything else, including loading the pipeline. The table shows medians and ranges.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from common import write_json
from wasabi import table

from spacy_bert_ner.evaluation.report import PAGE, evaluate


def measure(pipeline: Path, data: Path, train: Path | None, rounds: int) -> dict[str, Any]:
    """Write a report `rounds` times.

    RETURNS: the numbers of `documents` and `words`. `predicting` and `beyond` are the seconds per round for predictions
        and for everything else. `page` and `all` are the sizes of `report.html` and of all files, in bytes.
    """
    results: dict[str, Any] = {"predicting": [], "beyond": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "report"
            start = time.perf_counter()
            (metrics,) = evaluate([pipeline], data, output, train=train)["pipelines"].values()
            total = time.perf_counter() - start
            predicting = metrics["n_words"] / metrics["words_per_second"]
            results["predicting"].append(predicting)
            results["beyond"].append(total - predicting)
            sizes = {path.name: path.stat().st_size for path in output.rglob("*") if path.is_file()}
            results |= {"page": sizes[PAGE], "all": sum(sizes.values())}
            results |= {"documents": metrics["n_docs"], "words": metrics["n_words"]}
    return results


def main(options: argparse.Namespace) -> None:
    results = measure(options.pipeline, options.data, options.train, options.rounds)

    def spread(values: list[float]) -> str:
        return f"{statistics.median(values):.1f} ({min(values):.1f}-{max(values):.1f})"

    rows = [
        ["documents, words", f"{results['documents']:,}, {results['words']:,}"],
        ["seconds of the predictions", spread(results["predicting"])],
        ["seconds beyond them", spread(results["beyond"])],
        ["MB of report.html, of everything", f"{results['page'] / 1e6:.2f}, {results['all'] / 1e6:.2f}"],
    ]
    print(table(rows, divider=True))
    if options.output:
        write_json(options.output, {"date": time.strftime("%Y-%m-%d"), **results})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pipeline", type=Path, help="folder with a saved pipeline")
    parser.add_argument("data", type=Path, help=".spacy file with held-out gold data")
    parser.add_argument("--train", type=Path, help=".spacy file with the training data")
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    main(parser.parse_args())
