"""Compare learning rates and treatments of layers for several encoders.

    python benchmarks/rates.py --encoders assets/encoder --work training/rates --output benchmarks/rates.json

Each run is `spacy train` with `configs/bert_ner.cfg` and one encoder, learning rate, treatment of layers, corpus and
seed. The corpora and the numbers of epochs are those in `train.py`. `--ways` gives the treatments as FROZEN/NEW/DECAY:
the number of lowest layers to freeze, the number of highest layers to reinitialise, and the learning rate of each layer
as a multiple of the rate for the layer above it.

Results are stored in `--work`, and the same command resumes from them. The grid is run once per seed, in the order of
`--ways`, then `--rates`. Options select a part of the grid. A later command with the same `--work` adds another part.

The table contains these scores, as means over the seeds:

- `dev, best`: F1 on the dev data for the pipeline with the best dev score.
- `dev, last`: F1 on the dev data after the last step. It is far below the best score if training diverged.
- `test`: F1 on the larger test set for the pipeline with the best dev score.
- `below best`: difference in points to the best cell with the same encoder, corpus, steps and test sentences.

For shorter runs, `--scale` sets a fraction of the epochs, and `--limit-test` the number of test sentences. Their rows
are separate from those of complete runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import spacy
from common import write_json
from environments import versions
from spacy.training import Example
from train import CORPORA, DATA, FAST, ROOT, ChildError, convert_corpus, read_gold, read_runs, run_child
from train_report import Run
from wasabi import table

from spacy_bert_ner import score_bert_ner

RATES = ["0.00005", "0.00025", "0.0001", "0.00002"]
WAYS = ["1/1/0.85", "0/0/1.0", "0/0/0.85", "0/1/0.85", "1/0/0.85", "1/1/1.0"]
_WAY = re.compile(r"(\d+)/(\d+)/(\d*\.?\d+)")
CELL_HEADER = ("encoder", "corpus", "steps", "rate", "frozen/new/decay", "seeds")
HEADER = (*CELL_HEADER, "dev, best", "dev, last", "test", "below best")


class Cell(NamedTuple):
    """One training run.

    encoder (str): name of the encoder's folder.
    corpus (str): name of the corpus, as in `CORPORA`.
    rate (str): the highest learning rate.
    way (str): the treatment of the layers, as FROZEN/NEW/DECAY.
    steps (int): number of steps.
    n_test (int): number of sentences in the test set.
    seed (int): random seed.
    """

    encoder: str
    corpus: str
    rate: str
    way: str
    steps: int
    n_test: int
    seed: int


def cells(options: argparse.Namespace) -> list[tuple[Cell, Path]]:
    """Return the selected runs, each with its encoder's folder, in the order in which they are started."""
    found = []
    for corpus in options.corpora:
        folder = options.work / "corpora" / corpus
        steps = int(CORPORA[corpus].epochs * options.scale * len(read_gold(folder / "train.spacy")) // 16)
        n_test = len(read_gold(folder / f"{test_of(corpus)}.spacy"))
        found.append((corpus, max(steps, 1), min(n_test, options.limit_test or n_test)))
    return [
        (Cell(encoder.name, corpus, rate, way, steps, n_test, seed), encoder)
        for seed in options.seeds
        for way in options.ways
        for rate in options.rates
        for encoder in options.encoders
        for corpus, steps, n_test in found
    ]


def test_of(corpus: str) -> str:
    """Return the name of a corpus's larger test set."""
    return CORPORA[corpus].tests[-1]


def command_of(cell: Cell, encoder: Path, corpus: Path, output: Path) -> list[str]:
    """Return the command that trains in a cell.

    cell (Cell): the run.
    encoder (Path): folder of the encoder.
    corpus (Path): folder with `train.spacy` and `dev.spacy`.
    output (Path): folder in which `model-best` and `model-last` are saved.
    """
    frozen, new, decay = cell.way.split("/")
    overrides = {
        "paths.train": corpus / "train.spacy",
        "paths.dev": corpus / "dev.spacy",
        "system.seed": cell.seed,
        "training.max_steps": cell.steps,
        "training.eval_frequency": max(cell.steps // 5, 1),
        "training.patience": 0,  # no early stopping, so that divergence shows
        "training.optimizer.learn_rate.initial_rate": cell.rate,
        "training.optimizer.layer_decay": decay,
        "components.bert_ner.model.name": encoder,
        "components.bert_ner.model.frozen_layers": frozen,
        "components.bert_ner.model.reset_layers": new,
    }
    command = [sys.executable, "-m", "spacy", "train", str(FAST), "--output", str(output)]
    return [*command, *(part for key, value in overrides.items() for part in (f"--{key}", str(value)))]


def rate_of(text: str) -> str:
    """Write a learning rate without an exponent, so that equal rates are equal texts.

    RAISES ValueError: the text is not a number.
    """
    return f"{float(text):.8f}".rstrip("0")


def way_of(text: str) -> str:
    """Write FROZEN/NEW/DECAY so that equal treatments are equal texts.

    RAISES ArgumentTypeError: the text has another form.
    """
    match = _WAY.fullmatch(text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is invalid. Allowed: FROZEN/NEW/DECAY, such as 1/1/0.85.")
    return f"{match[1]}/{match[2]}/{float(match[3])}"


def run(cell: Cell, encoder: Path, work: Path) -> Run:
    """Train in a cell, and score the best pipeline on the test set.

    RAISES ChildError: the training failed.
    """
    corpus = work / "corpora" / cell.corpus
    with tempfile.TemporaryDirectory(prefix="running-", dir=work) as temporary:
        output, start = Path(temporary), time.perf_counter()
        run_child(command_of(cell, encoder, corpus, output), output / "log.txt", clean=False)
        seconds = time.perf_counter() - start
        best, last = (
            json.loads((output / name / "meta.json").read_text(encoding="utf8"))["performance"]["ents_f"]
            for name in ("model-best", "model-last")
        )
        nlp = spacy.load(output / "model-best")
        gold = read_gold(corpus / f"{test_of(cell.corpus)}.spacy")[: cell.n_test]
        examples = [Example(doc, eg) for doc, eg in zip(nlp.pipe(eg.text for eg in gold), gold, strict=True)]
    scores = {"dev_best": best, "dev_last": last, "test": score_bert_ner(examples)["ents_f"]}
    return cell._asdict() | {"seconds": round(seconds, 1)} | {key: round(f or 0.0, 4) for key, f in scores.items()}


def run_all(options: argparse.Namespace) -> int:
    """Run everything that is not done yet, and save the results after each run.

    A failed run is not saved, and the other runs continue.

    RETURNS: the number of failed runs.
    """
    path, n_failed = options.work / "runs.jsonl", 0
    for leftover in options.work.glob("running-*"):  # left by a benchmark that was killed
        shutil.rmtree(leftover)
    done = {cell_of(about) for about in read_runs(path)}
    for cell, encoder in cells(options):
        if cell in done:
            continue
        try:
            about = run(cell, encoder, options.work)
        except ChildError as error:
            print(f"{error}\nThis run failed: {cell}", file=sys.stderr, flush=True)
            n_failed += 1
            continue
        with path.open("a", encoding="utf8") as file:
            file.write(json.dumps(about) + "\n")
        print(json.dumps(about), flush=True)
    return n_failed


def cell_of(about: Run) -> Cell:
    return Cell(**{key: about[key] for key in Cell._fields})


def summarize(runs: Iterable[Run]) -> list[dict[str, Any]]:
    """Return one row per cell, with means over the seeds. For each encoder and corpus, the best row comes first.

    runs (Iterable[Run]): results of the runs.
    """
    together: dict[Cell, list[Run]] = {}
    for about in runs:
        together.setdefault(cell_of(about)._replace(seed=0), []).append(about)
    rows = []
    for cell, group in together.items():
        means = {key: statistics.mean(about[key] for about in group) for key in ("dev_best", "dev_last", "test")}
        spread = statistics.stdev(about["test"] for about in group) if len(group) > 1 else None
        row = cell._asdict() | {"seeds": sorted(about["seed"] for about in group)} | means | {"test_spread": spread}
        row.pop("seed")
        rows.append(row)
    best: dict[tuple[Any, ...], float] = {}
    for row in rows:
        best[compared(row)] = max(best.get(compared(row), 0.0), row["test"])
    for row in rows:
        row["below_best"] = 100 * (best[compared(row)] - row["test"])
    return sorted(rows, key=lambda row: (compared(row), row["below_best"]))


def compared(row: dict[str, Any]) -> tuple[Any, ...]:
    """Return what rows must have in common to be compared."""
    return tuple(row[key] for key in ("encoder", "corpus", "steps", "n_test"))


def report(options: argparse.Namespace) -> None:
    """Print a table for all saved runs, and write the results as JSON."""
    rows = summarize(read_runs(options.work / "runs.jsonl"))
    if not rows:
        sys.exit(f"error: there are no runs in {options.work}. Leave out --report to train.")
    lines = []
    for row in rows:
        spread = f" ± {row['test_spread']:.4f}" if row["test_spread"] is not None else ""
        cell = (row["encoder"], row["corpus"], row["steps"], row["rate"], row["way"], len(row["seeds"]))
        scores = (f"{row['dev_best']:.4f}", f"{row['dev_last']:.4f}", f"{row['test']:.4f}{spread}")
        lines.append((*cell, *scores, f"{row['below_best']:.1f}"))
    print(table(lines, header=HEADER, divider=True))
    if options.output:
        machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
        content = {"date": time.strftime("%Y-%m-%d"), "machine": machine, "environment": versions(sys.executable)}
        write_json(options.output, {**content, "rows": rows})


def main(options: argparse.Namespace) -> None:
    """Convert the corpora, run the cells, and print and write the results."""
    # Use absolute paths, because subprocesses run in other folders.
    options.work, options.encoders = options.work.resolve(), [encoder.resolve() for encoder in options.encoders]
    n_failed = 0
    if not options.report:
        for encoder in options.encoders:
            if not encoder.is_dir():
                sys.exit(f"error: there is no encoder at {encoder}. Download it: python -m spacy project run encoder")
        for corpus in options.corpora:
            convert_corpus(corpus, options.data, options.work / "corpora" / corpus, 0)
        n_failed = run_all(options)
    report(options)
    if n_failed:
        sys.exit(f"error: {n_failed} runs failed (see above). To repeat them, run the same command again.")


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder that contains gmb/ and wnut17/, such as assets")
    parser.add_argument("--work", type=Path, required=True, help="folder with results, from which to resume")
    default = [ROOT / "assets" / "encoder"]
    parser.add_argument("--encoders", type=Path, nargs="+", default=default, metavar="FOLDER", help="encoder folders")
    parser.add_argument("--corpora", nargs="+", choices=CORPORA, default=["choices", "wnut17"], help="corpora to use")
    parser.add_argument("--rates", type=rate_of, nargs="+", default=RATES, help="highest learning rates, in order")
    ways = "treatments of the layers, in order: FROZEN/NEW/DECAY"
    parser.add_argument("--ways", nargs="+", type=way_of, default=WAYS, help=ways)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="random seeds")
    parser.add_argument("--scale", type=float, default=1.0, help="fraction of the epochs")
    parser.add_argument("--limit-test", type=int, default=0, help="maximum number of test sentences. 0: all of them")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--report", action="store_true", help="only report the saved runs in --work, without training")
    return parser


if __name__ == "__main__":
    main(make_parser().parse_args())
