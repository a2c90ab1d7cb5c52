"""Compare several ways to train on the same encoder and sentences: scores, wall time and peak memory.

    python benchmarks/train.py --data assets --work training/benchmark --output benchmarks/train.json

The ways are:

- `article`: the loop from the tutorials on which this project is based. It uses SGD with learning rate 0.005, batches
  of 2 sentences and 5 epochs, and runs only on GMB.
- `plain loop`: a loop on the corpus's words, with AdamW, warm-up, linear decay and batches of 16 sentences. Each batch
  is padded to its longest sentence. The loop keeps the best weights on the dev data.
- `spacy-transformers`: `ner` with a transformer, and the settings from spaCy's quickstart. It needs transformers 4, so
  it runs in a separate environment. The first run creates this environment with `pip`, which takes some minutes.
- `bert_ner`: `spacy train` with `configs/bert_ner.cfg`.
- `bert_ner best`: `spacy train` with `configs/bert_ner_best.cfg`, if this file exists.
- `bert_ner, ...`: `spacy train` with changed settings in `configs/bert_ner.cfg`. These ways run only if `--ways` names
  them. They are compared with `bert_ner`.

All ways except `article` and `bert_ner best` train on the same number of batches of 16, and evaluate on the dev data
equally often. `bert_ner best` trains longer. The default corpora are:

- `gmb1000`: GMB-1000 has 800 training sentences. The test sets are its 100 test sentences and the next 5,000 sentences
  in the corpus.
- `wnut17`: WNUT 2017.

Two more corpora are used if `--corpora` names them:

- `choices`: GMB-1000 with the sentences 6,001 to 8,000 as an additional test set. No other table uses these sentences,
  so they are suitable for choosing settings.
- `gmb10000`: GMB-10000 has 8,000 training sentences. The test sets are its 1,000 test sentences and the next 10,000
  sentences in the corpus.

Each training run is a separate process. Its wall time includes imports and evaluations. It saves the trained pipeline
or checkpoint. Another process predicts without being timed, and one function scores all predictions. Ways take turns,
and their order changes with the seed. A slow period on a shared machine therefore affects all ways. Compare the ratios
rather than the seconds. Results are stored in `--work`, and the same command resumes from them. With `--jobs 2`, two
runs share the cores. This takes less time overall, but the seconds are then not comparable with those on an idle
machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import spacy
from common import write_json
from environments import CACHE, TRANSFORMERS_4, clean_environment, make_environment, versions
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from train_report import Run, compare, entity_counts, print_report, summarize

from spacy_bert_ner import score_bert_ner
from spacy_bert_ner.corpus.convert import convert

HERE = Path(__file__).parent
ROOT = HERE.parent
DATA = ROOT.parent / "shared" / "data"
VOCAB = spacy.blank("en").vocab


class ChildError(Exception):
    """A training or prediction process failed."""


class Way(NamedTuple):
    config: Path | None = None  # config for `spacy train`; None for a loop in `train_ways.py`
    times: float = 1.0  # number of epochs, as a multiple of the corpus's default
    batch: int = 16
    corpora: tuple[str, ...] = ("gmb1000", "wnut17", "choices", "gmb10000")
    environment: bool = False  # whether it needs the environment with spacy-transformers
    overrides: tuple[tuple[str, object], ...] = ()  # changed settings in the config


class Setting(NamedTuple):
    epochs: int
    tests: tuple[str, ...]
    files: tuple[str, ...]  # paths in the data folder
    gmb: tuple[int, int, int] = (0, 0, 0)  # number of GMB sentences to split; start and end of the second test set


GMB = ("gmb/ner_dataset.csv.zip",)
FAST = ROOT / "configs" / "bert_ner.cfg"
WAYS = {
    "article": Way(times=0.5, batch=2, corpora=("gmb1000", "choices")),
    "plain loop": Way(),
    "spacy-transformers": Way(HERE / "spacy_transformers.cfg", environment=True),
    "bert_ner": Way(FAST),
    "bert_ner best": Way(ROOT / "configs" / "bert_ner_best.cfg", times=2.0),
}
CORPORA = {
    "gmb1000": Setting(10, ("test", "test_5000"), GMB, (1000, 1000, 6000)),
    "wnut17": Setting(5, ("test",), tuple(f"wnut17/{part}.conll" for part in ("train", "dev", "test"))),
    "choices": Setting(10, ("test", "far"), GMB, (1000, 6000, 8000)),
    "gmb10000": Setting(2, ("test", "test_10000"), GMB, (10_000, 10_000, 20_000)),
}
TOKENS = {"components.bert_ner.objective": "tokens"}
CHANGED: dict[str, dict[str, object]] = {
    "tokens": {**TOKENS},
    "tokens, all subwords": {**TOKENS, "components.bert_ner.subword_labels": "all"},
    "tokens, balanced": {**TOKENS, "components.bert_ner.class_weights": "balanced"},
    "tokens, focal": {**TOKENS, "components.bert_ner.focal_gamma": 2.0},
    "tokens, smoothing": {**TOKENS, "components.bert_ner.label_smoothing": 0.1},
    "no case marks": {"components.bert_ner.model.mark_case": False},
    "none frozen": {"components.bert_ner.model.frozen_layers": 0},
    "no layer anew": {"components.bert_ner.model.reset_layers": 0},
    "one rate": {"training.optimizer.layer_decay": 1.0, "training.optimizer.head_rate": 1.0},
    "fp32": {"components.bert_ner.model.precision": "fp32"},
    "checkpointing": {"components.bert_ner.model.gradient_checkpointing": True},
}
WAYS |= {
    f"bert_ner, {name}": Way(FAST, corpora=tuple(CORPORA), overrides=tuple(changes.items()))
    for name, changes in CHANGED.items()
}


def offered(ways: dict[str, Way]) -> list[str]:
    """Return the ways whose config exists."""
    return [name for name, way in ways.items() if way.config is None or way.config.is_file()]


def rotated(ways: list[str], turn: int) -> list[str]:
    """Rotate the list of ways, so that each turn starts with a different way."""
    turn %= len(ways)
    return [*ways[turn:], *ways[:turn]]


def convert_corpus(name: str, data: Path, folder: Path, limit: int) -> None:
    """Write a corpus's splits as `.spacy` files, unless they already exist.

    name (str): name of the corpus, as in `CORPORA`.
    data (Path): folder with the downloaded corpora.
    folder (Path): output folder.
    limit (int): maximum number of sentences per test set. 0: no limit.
    """
    done = folder / "converted"  # written last, so that an interrupted conversion is repeated
    if done.exists():
        return
    files = [data / file for file in CORPORA[name].files]
    n_split, start, end = CORPORA[name].gmb
    if n_split:
        convert(files[0], folder, limit=n_split, split="80/10/10", seed=42)
        with tempfile.TemporaryDirectory() as temporary:
            convert(files[0], Path(temporary), limit=end)
            docs = read_docs(Path(temporary) / "ner_dataset.spacy")
        write_docs(docs[start:], folder / f"{CORPORA[name].tests[1]}.spacy")
    else:
        for file in files:
            convert(file, folder)
    for test in CORPORA[name].tests if limit else ():
        write_docs(read_docs(folder / f"{test}.spacy")[:limit], folder / f"{test}.spacy")
    done.touch()


def read_docs(path: Path) -> list[Doc]:
    return list(DocBin().from_disk(path).get_docs(VOCAB))


read_gold = cache(read_docs)  # the same test sets are read many times


def write_docs(docs: list[Doc], path: Path) -> None:
    DocBin(docs=docs).to_disk(path)


def interpreter(way: Way, options: argparse.Namespace) -> str:
    """Return the Python interpreter in the environment that a way needs."""
    if not way.environment:
        return sys.executable
    return str(make_environment(options.environment, "spacy-transformers==1.4.0", TRANSFORMERS_4))


def run_child(command: list[str], log: Path, *, clean: bool, jobs: int = 1) -> None:
    """Run a process without access to the Hugging Face Hub.

    command (list[str]): command to run.
    log (Path): file to which the output is appended.
    clean (bool): whether the command uses another interpreter, which must not import packages from this one.
    jobs (int): number of such processes that share the cores.
    RAISES ChildError: the process failed. The message contains the end of its output.
    """
    variables = clean_environment() if clean else dict(os.environ)
    variables.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    if jobs > 1:  # avoid more threads than cores
        variables["OMP_NUM_THREADS"] = str(max((os.cpu_count() or 1) // jobs, 1))
    with log.open("a") as file:
        # Run in another folder: `python -m` imports from the current folder, and would find this package here.
        done = subprocess.run(
            command, stdout=file, stderr=subprocess.STDOUT, env=variables, cwd=log.parent, check=False
        )
    if done.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        raise ChildError(f"{tail}\nExit status {done.returncode} from: {' '.join(command)}\nComplete output: {log}")


def training_command(
    name: str, python: str, corpus: Path, output: Path, seed: int, steps: int, encoder: str
) -> list[str]:
    """Return the command that trains in one way and saves `model-best` in `output`."""
    way, every = WAYS[name], max(steps // 10, 1)
    if way.config is None:
        command = [python, str(HERE / "train_ways.py"), "train", name, "--encoder", encoder, "--corpus", str(corpus)]
        return [*command, "--output", str(output), "--seed", str(seed), "--steps", str(steps), "--every", str(every)]
    component = "transformer" if way.environment else "bert_ner"
    overrides: dict[str, object] = {
        "paths.train": corpus / "train.spacy",
        "paths.dev": corpus / "dev.spacy",
        "system.seed": seed,
        "training.max_steps": steps,
        "training.eval_frequency": every,
        "training.patience": 0,  # no early stopping, as in the loops
        f"components.{component}.model.name": encoder,
    }
    if way.environment:
        overrides["training.optimizer.learn_rate.warmup_steps"] = steps // 10  # as in the plain loop
    overrides.update(way.overrides)
    command = [python, "-m", "spacy", "train", str(way.config), "--output", str(output)]
    # spaCy parses values as JSON, and treats invalid JSON as text.
    texts = {key: json.dumps(value) if isinstance(value, bool) else str(value) for key, value in overrides.items()}
    return [*command, *(part for key, text in texts.items() for part in (f"--{key}", text))]


def run(corpus: str, name: str, seed: int, options: argparse.Namespace) -> Run:
    """Train in one way with one seed, predict on the test data and score the predictions."""
    way, folder = WAYS[name], options.work / "corpora" / corpus
    python = interpreter(way, options)
    epochs = CORPORA[corpus].epochs * way.times * options.scale
    steps = int(epochs * len(read_gold(folder / "train.spacy")) // way.batch)
    about: Run = {"corpus": corpus, "way": name, "seed": seed, "steps": steps}
    predictions = predictions_of(about, options.work)
    predictions.mkdir(parents=True, exist_ok=True)
    log = predictions / "log.txt"
    log.write_text("")  # discard the log from an earlier run that failed
    tests = [folder / f"{test}.spacy" for test in CORPORA[corpus].tests]
    with tempfile.TemporaryDirectory(prefix="running-", dir=options.work) as temporary:
        model, measured = Path(temporary) / "model", Path(temporary) / "measured.json"
        command = training_command(name, python, folder, model, seed, steps, options.encoder)
        measure = [sys.executable, "-S", str(HERE / "measure.py"), str(measured)]
        run_child([*measure, *command], log, clean=way.environment, jobs=options.jobs)
        command = [python, str(HERE / "train_ways.py"), "predict", str(model / "model-best"), *map(str, tests)]
        run_child([*command, "--output", str(predictions)], log, clean=way.environment, jobs=options.jobs)
        costs = json.loads(measured.read_text())
    about |= {"seconds": round(costs["seconds"], 1), "peak_mb": round(costs["peak_mb"]), "scores": {}}
    for test in tests:
        scores = score_bert_ner(examples_of(about, test.stem, options.work))
        overall = {key: scores[key] for key in ("ents_p", "ents_r", "ents_f", "iob_acc", "iob_doc_acc")}
        about["scores"][test.stem] = overall | {"labels": {k: v["f"] for k, v in scores["ents_per_type"].items()}}
    return about


def predictions_of(about: Run, work: Path) -> Path:
    name = f"{about['way'].replace(' ', '_')}-{about['seed']}"
    return work / "predictions" / str(about["corpus"]) / name


def examples_of(about: Run, test: str, work: Path) -> list[Example]:
    """Pair the predictions from a run with the gold data."""
    gold = read_gold(work / "corpora" / about["corpus"] / f"{test}.spacy")
    predicted = read_docs(predictions_of(about, work) / f"{test}.spacy")
    return [Example(doc, reference) for doc, reference in zip(predicted, gold, strict=True)]


def read_runs(path: Path) -> list[Run]:
    """Read one run per line. Remove an incomplete last line from the file, so that the next run starts a new line."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf8")
    return [json.loads(line) for line in whole.splitlines()]


def run_all(options: argparse.Namespace) -> int:
    """Run everything that is not done yet, and save the results after each run.

    A failed run is not saved, and the other runs continue.

    RETURNS: the number of failed runs.
    """
    path = options.work / "runs.jsonl"
    for leftover in options.work.glob("running-*"):  # left by a benchmark that was killed
        shutil.rmtree(leftover)
    done = {(r["corpus"], r["way"], r["seed"]) for r in read_runs(path)}
    wanted = [
        (corpus, name, seed)
        for turn, seed in enumerate(options.seeds)
        for corpus in options.corpora
        for name in rotated(options.ways, turn)
        if corpus in WAYS[name].corpora and (corpus, name, seed) not in done
    ]
    writing = Lock()

    def run_one(corpus: str, name: str, seed: int) -> int:
        try:
            about = run(corpus, name, seed, options)
        except ChildError as error:
            print(f"{error}\nThis run failed: {corpus}, {name}, seed {seed}", file=sys.stderr, flush=True)
            return 1
        with writing, path.open("a", encoding="utf8") as file:
            file.write(json.dumps(about) + "\n")
        f1 = about["scores"]["test"]["ents_f"]
        print(f"{corpus}, {name}, seed {seed}: {about['seconds']} s, F1 {f1:.4f}", flush=True)
        return 0

    with ThreadPoolExecutor(options.jobs) as pool:
        return sum(pool.map(run_one, *zip(*wanted, strict=True))) if wanted else 0


def report(options: argparse.Namespace) -> None:
    """Print tables for all saved runs and write the results as JSON."""
    runs = read_runs(options.work / "runs.jsonl")
    if not runs:
        sys.exit(
            f"error: there are no runs in {options.work}. Train first: python benchmarks/train.py --work {options.work}"
        )
    counts = {
        (run["corpus"], run["way"], run["seed"], test): entity_counts(
            examples_of(run, test, options.work), options.same
        )
        for run in runs
        for test in run["scores"]
    }
    rows, differences = summarize(runs), compare(runs, counts)
    print_report(rows, differences)
    if not options.output:
        return
    environments = {"this package": versions(sys.executable)}
    if any(WAYS[run["way"]].environment for run in runs):
        environments["spacy-transformers"] = versions(interpreter(WAYS["spacy-transformers"], options))
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    content: dict[str, Any] = {"date": time.strftime("%Y-%m-%d"), "machine": machine, "environments": environments}
    content |= {"rows": rows, "differences": differences, "same": options.same}
    write_json(options.output, content)


def check_input(options: argparse.Namespace) -> None:
    """Exit with an error message if a corpus or the encoder is missing."""
    for file in (options.data / file for name in options.corpora for file in CORPORA[name].files):
        if not file.is_file():
            sys.exit(
                f"error: there is no corpus at {file}. Download it: python -m spacy project assets --extra. "
                "Then set --data assets. To use only other corpora, set --corpora."
            )
    if not Path(options.encoder).is_dir():
        sys.exit(f"error: there is no encoder at {options.encoder}. Download it: python -m spacy project run encoder")


def main(options: argparse.Namespace) -> None:
    """Convert the corpora, train in all ways in turn, and print and write the results."""
    n_failed = 0
    # Use absolute paths, because subprocesses run in other folders.
    options.work, options.environment = options.work.resolve(), options.environment.resolve()
    options.encoder = str(Path(options.encoder).resolve())
    if not options.report:
        check_input(options)
        options.work.mkdir(parents=True, exist_ok=True)
        for name in options.corpora:
            convert_corpus(name, options.data, options.work / "corpora" / name, options.limit_test)
        for name in options.ways:
            interpreter(WAYS[name], options)  # create the environment before parallel jobs need it
        n_failed = run_all(options)
    report(options)
    if n_failed:
        sys.exit(f"error: {n_failed} runs failed (see above). To repeat them, run the same command again.")


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder that contains gmb/ and wnut17/, such as assets")
    parser.add_argument("--work", type=Path, required=True, help="folder with results, from which to resume")
    parser.add_argument("--encoder", default=str(ROOT / "assets" / "encoder"), help="encoder folder")
    parser.add_argument("--environment", type=Path, default=CACHE, help="folder for the separate environment")
    parser.add_argument("--corpora", nargs="+", choices=CORPORA, default=["gmb1000", "wnut17"], help="corpora to use")
    unchanged = [name for name in offered(WAYS) if not WAYS[name].overrides]
    parser.add_argument("--ways", nargs="+", choices=offered(WAYS), default=unchanged, help="ways to train")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="random seeds")
    parser.add_argument("--jobs", type=int, default=1, help="number of parallel runs, which share the cores")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    parser.add_argument("--report", action="store_true", help="only report the saved runs in --work, without training")
    same = "labels to treat as one label in the F1 differences, such as geo gpe"
    parser.add_argument("--same", nargs="+", default=[], metavar="LABEL", help=same)
    # Options for trying the script, with another --work folder: a fraction of the epochs, and fewer test sentences.
    parser.add_argument("--scale", type=float, default=1.0, help=argparse.SUPPRESS)
    parser.add_argument("--limit-test", type=int, default=0, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    main(make_parser().parse_args())
