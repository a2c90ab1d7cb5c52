"""Write one row per evaluation to a CSV file, for plots; the registered CSV logger."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

import csv
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from itertools import islice
from numbers import Real
from pathlib import Path
from typing import IO, Any

from spacy.language import Language
from spacy.training import Example
from spacy.util import minibatch, registry, resolve_dot_names

from ..errors import require_setting
from ..losses.cross_entropy import WeightedMean
from ..models.shared_token_classifier import is_shared
from ..util.atomic_io import atomic_files
from ..util.pipelines import our_components
from ..util.rng import IsolatedRng
from .console_logger import console_logger, learn_rate_of

LogStep = Callable[[dict[str, Any] | None], None]
SetupPrinter = Callable[..., tuple[LogStep, Callable[[], None]]]
Row = dict[str, Any]

SECTION = "training.logger"
TRAIN_SCORES = ("iob_acc", "iob_doc_acc", "ents_f")
"""Scores of the training data that a row reports. The row has the training loss and time already."""


@registry.loggers("spacy_bert_ner.CsvLogger.v1")
def make_csv_logger_v1(path: Any, console: Any = True, progress_bar: Any = False, curves: Any = 0) -> SetupPrinter:
    """Create a logger that writes the rows of `evaluation_row` to a CSV file. The first line names the columns.

    path (str | Path): path of the file. Its folders are created. An existing file is replaced at the first evaluation.
    console (bool): also print the rows, as `spacy_bert_ner.ConsoleLogger.v1` does. Default: True.
    progress_bar (bool): show a bar with the steps up to the next evaluation; requires `console`. Default: False.
    curves (int): number of training examples, from the first, to score after each evaluation. The loss of the dev data
        is measured too, see `LearningCurves`. A number is required because training data may be infinite, and because
        it determines the cost of a row. Default: 0, neither is measured.
    RETURNS: the function that spaCy calls to set up `[training.logger]`.
    RAISES ConfigError: a setting is not allowed. When training begins: there is no component to measure.
    """
    check = partial(require_setting, SECTION)
    is_path = isinstance(path, Path) or (isinstance(path, str) and bool(path.strip()))
    check("path", path, is_path and not Path(path).is_dir(), 'a file to write, as in path = "training/log.csv"')
    check("console", console, isinstance(console, bool), "true, false")
    check("progress_bar", progress_bar, isinstance(progress_bar, bool), "true, false")
    check(
        "progress_bar",
        progress_bar,
        console or not progress_bar,
        "false if console = false, because then nothing is printed",
    )
    is_count = type(curves) is int and curves >= 0  # `isinstance` would accept a Boolean
    check("curves", curves, is_count, "a whole number from 0: the number of training examples to score; 0 for none")

    def setup_printer(
        nlp: Language, stdout: IO[str] = sys.stdout, stderr: IO[str] = sys.stderr
    ) -> tuple[LogStep, Callable[[], None]]:
        table = CsvTable(Path(path))
        measure = LearningCurves(nlp, curves).measure if curves else dict
        to_console = console_logger(progress_bar) if console else _print_nothing
        print_step, finalize = to_console(nlp, stdout, stderr)

        def log_step(info: dict[str, Any] | None) -> None:
            if info is not None:  # it is None if the step was not evaluated
                table.add(evaluation_row(info, learn_rate_of(nlp)) | measure())
            print_step(info)

        return log_step, finalize

    return setup_printer


def _print_nothing(*_: Any) -> tuple[LogStep, Callable[[], None]]:
    # The console logger fails on scores that are None.
    return lambda info: None, lambda: None


_last_step: ContextVar[int | None] = ContextVar("_last_step", default=None)


@contextmanager
def resuming_after(step: int | None) -> Iterator[None]:
    """Let loggers that are set up within the block keep the rows up to this step; None for a run from the beginning."""
    token = _last_step.set(step)
    try:
        yield
    finally:
        _last_step.reset(token)


class CsvTable:
    """A CSV file to which rows are added, and columns when a row has new ones. Older rows are empty there.

    A reader finds only complete rows, even during training or after the process was killed. When training resumes after
    a step, the rows up to that step are kept.

    path (Path): path of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: list[str] = []
        self._kept_rows: list[Row] = []
        last = _last_step.get()
        if last is not None and path.exists():
            with path.open(encoding="utf8", newline="") as file:
                reader = csv.DictReader(file)
                self._kept_rows = [row for row in reader if _is_up_to(last, row.get("step"))]
                self.columns = list(reader.fieldnames or ()) if self._kept_rows else []

    def add(self, row: Row) -> None:
        """Add a row to the file.

        row: values by column.
        RAISES OSError: the file cannot be written.
        """
        new_columns = [column for column in row if column not in self.columns]
        if new_columns or self._kept_rows or not self.path.exists():
            self._rewrite([*self.columns, *new_columns], row)
            return
        with self.path.open("a", encoding="utf8", newline="") as file:
            csv.DictWriter(file, self.columns, lineterminator="\n").writerow(row)

    def _rewrite(self, columns: list[str], row: Row) -> None:
        with (
            atomic_files(self.path.parent, [self.path.name]) as [temporary],
            temporary.open("w", encoding="utf8", newline="") as file,
        ):
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            # Before the first row, an existing file is from another run, except for the rows to keep.
            if self._kept_rows:
                writer.writerows(self._kept_rows)
            elif self.columns and self.path.exists():
                with self.path.open(encoding="utf8", newline="") as written:
                    writer.writerows(csv.DictReader(written))
            writer.writerow(row)
        self.columns, self._kept_rows = columns, []


def _is_up_to(last: int, step: object) -> bool:
    return isinstance(step, str) and step.isdecimal() and int(step) <= last


def evaluation_row(info: Mapping[str, Any], learn_rate: float | None = None) -> Row:
    """Return the values of a row, by column.

    The columns are `epoch`, `step`, `seconds` and `words` so far, `score`, `learn_rate` of the step,
    `loss_<component>` of each component that was updated since the last row, and every numeric score:

        {"ents_f": 0.5, "ents_per_type": {"per": {"f": 0.5}}}   →   ents_f, ents_per_type_per_f

    info: what spaCy's training loop gives for an evaluation.
    learn_rate (float | None): learning rate of the step. Default: None, no `bert_ner` was updated.
    """
    row: Row = {key: info[key] for key in ("epoch", "step", "seconds", "words", "score")}
    if learn_rate is not None:
        row["learn_rate"] = learn_rate
    row |= {f"loss_{name}": float(loss) for name, loss in info["losses"].items()}
    for key, score in _flat("", info["other_scores"] or {}):
        row.setdefault(key, score)
    return row


def _flat(prefix: str, scores: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for key, value in scores.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{key}_", value)
        elif isinstance(value, Real) and not isinstance(value, bool):
            yield f"{prefix}{key}", float(value)


class LearningCurves:
    """Measure what an evaluation does not report: the loss of the dev data, and the scores of the training data.

    Measuring does not change the trained weights. The data is read only once, so an augmenter gives one fixed set of
    examples.

    nlp (Language): the pipeline in training, without its frozen components.
    n_train (int): number of training examples to score, from the first.
    RAISES ConfigError: no `bert_ner` is trained.
    """

    def __init__(self, nlp: Language, n_train: int) -> None:
        self.nlp = nlp
        self.names = our_components(nlp)
        allowed = "0 if no component made by 'bert_ner' is trained"
        require_setting(SECTION, "curves", n_train, bool(self.names), allowed)
        config = nlp.config.interpolate()
        names = [config["training"][key] for key in ("train_corpus", "dev_corpus")]
        with IsolatedRng(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # spaCy shows the warnings about the data when it reads them
            train, dev = resolve_dot_names(config, names)
            self.train: list[Example] = list(islice(train(nlp), n_train))
            self.dev: list[Example] = list(dev(nlp))

    def measure(self) -> Row:
        """Measure with the current weights.

        RETURNS: `dev_loss_<component>` for each trained `bert_ner`, the mean cross-entropy of all dev data in nats; and
            each of `TRAIN_SCORES` as `train_<score>`, defined as in the evaluation. A value that does not exist is
            left out, for example the loss of data without annotation.
        """
        nlp = self.nlp
        with IsolatedRng():
            pipes: dict[str, Any] = {name: nlp.get_pipe(name) for name in self.names}
            losses = {name: self._dev_loss(pipe) for name, pipe in pipes.items()}
            scores = nlp.evaluate(self.train)
        row = {f"dev_loss_{name}": float(loss) for name, loss in losses.items() if loss.weight}
        return row | {f"train_{key}": scores[key] for key in TRAIN_SCORES if scores.get(key) is not None}

    def _dev_loss(self, pipe: Any) -> Any:
        if not is_shared(pipe.model):
            return pipe.measure_loss(self.dev, batch_size=self.nlp.batch_size)
        # The vectors come from another component, and those of all Docs together may not fit into memory.
        sources: list[Any] = [
            source for _, source in self.nlp.components if getattr(source, "listening_components", None)
        ]
        loss = WeightedMean()
        for batch in minibatch(self.dev, self.nlp.batch_size):
            docs = [example.predicted.copy() for example in batch]
            for source in sources:
                docs = list(source.pipe(docs))
            loss += pipe.measure_loss([Example(doc, eg.reference) for doc, eg in zip(docs, batch, strict=True)])
        return loss
