"""Register a logger that writes one row per evaluation to a CSV file, for example to plot learning curves."""

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
"""Training-data scores to include in a row. Each row already contains the training loss and time."""


@registry.loggers("spacy_bert_ner.CsvLogger.v1")
def make_csv_logger_v1(path: Any, console: Any = True, progress_bar: Any = False, curves: Any = 0) -> SetupPrinter:
    """Create a logger that writes a CSV file with one row per evaluation; see `evaluation_row`.

    path (str | Path): path to the CSV file. Missing folders are created. An existing file is replaced at the first
        evaluation.
    console (bool): whether to also print the rows with `spacy_bert_ner.ConsoleLogger.v1`. Default: True.
    progress_bar (bool): whether to show a progress bar for the steps until the next evaluation. Requires `console`.
        Default: False.
    curves (int): number of training examples to score after each evaluation, starting with the first example. The
        logger then measures the dev loss as well; see `LearningCurves`. The number must be limited because training
        data may be infinite and scoring takes time. Default: 0, which disables both measurements.
    RETURNS: the setup function for `[training.logger]`.
    RAISES ConfigError: a setting is invalid. The setup function raises it if no component can be measured.
    """
    check = partial(require_setting, SECTION)
    is_path = isinstance(path, Path) or (isinstance(path, str) and bool(path.strip()))
    check("path", path, is_path and not Path(path).is_dir(), 'a file path, such as path = "training/log.csv"')
    check("console", console, isinstance(console, bool), "true, false")
    check("progress_bar", progress_bar, isinstance(progress_bar, bool), "true, false")
    check(
        "progress_bar",
        progress_bar,
        console or not progress_bar,
        "false if console = false, because the progress bar needs console output",
    )
    is_count = type(curves) is int and curves >= 0  # `isinstance` would accept a Boolean
    check("curves", curves, is_count, "0, or a positive number of training examples to score")

    def setup_printer(
        nlp: Language, stdout: IO[str] = sys.stdout, stderr: IO[str] = sys.stderr
    ) -> tuple[LogStep, Callable[[], None]]:
        table = CsvTable(Path(path))
        measure = LearningCurves(nlp, curves).measure if curves else dict
        to_console = console_logger(progress_bar) if console else _print_nothing
        print_step, finalize = to_console(nlp, stdout, stderr)

        def log_step(info: dict[str, Any] | None) -> None:
            if info is not None:  # None if the step was not evaluated
                table.add(evaluation_row(info, learn_rate_of(nlp)) | measure())
            print_step(info)

        return log_step, finalize

    return setup_printer


def _print_nothing(*_: Any) -> tuple[LogStep, Callable[[], None]]:
    # Do not use spaCy's console logger here, because it fails if a score is None.
    return lambda info: None, lambda: None


_last_step: ContextVar[int | None] = ContextVar("_last_step", default=None)


@contextmanager
def resuming_after(step: int | None) -> Iterator[None]:
    """Make loggers that are set up within the block keep the rows up to a step.

    step (int | None): last step whose row is kept, or None for a new run.
    """
    token = _last_step.set(step)
    try:
        yield
    finally:
        _last_step.reset(token)


class CsvTable:
    """A CSV file to which rows and columns can be added.

    A row with new column names adds these columns, which are empty in earlier rows. The file contains only
    complete rows, even during training or after the process was killed. If training resumes after a step, the rows up
    to that step are kept.

    path (Path): path to the file.
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

        row: values by column name.
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
            # Before the first row is written, an existing file belongs to another run. Only `_kept_rows` are kept.
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
    """Return the values for one evaluation by column name.

    The columns `epoch`, `step`, `seconds` and `words` show the progress so far. They are followed by `score`,
    `learn_rate` and `loss_<component>` for each component updated since the last row. Each numeric score also has a
    column:

        {"ents_f": 0.5, "ents_per_type": {"per": {"f": 0.5}}}   →   ents_f, ents_per_type_per_f

    info: information about the evaluation from spaCy's training loop.
    learn_rate (float | None): learning rate of the step, or None if no `bert_ner` was updated. Default: None.
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
    """A measurement of the dev loss and the training scores, which spaCy's evaluation does not report.

    Measuring does not change the trained weights. The data is read only once, so an augmenter produces a fixed set of
    examples.

    nlp (Language): the pipeline to train, without its frozen components.
    n_train (int): number of training examples to score, starting with the first example.
    RAISES ConfigError: no `bert_ner` component is trained.
    """

    def __init__(self, nlp: Language, n_train: int) -> None:
        self.nlp = nlp
        self.names = our_components(nlp)
        allowed = "0 unless a 'bert_ner' component is trained"
        require_setting(SECTION, "curves", n_train, bool(self.names), allowed)
        config = nlp.config.interpolate()
        names = [config["training"][key] for key in ("train_corpus", "dev_corpus")]
        with IsolatedRng(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # spaCy reports these warnings when it reads the data
            train, dev = resolve_dot_names(config, names)
            self.train: list[Example] = list(islice(train(nlp), n_train))
            self.dev: list[Example] = list(dev(nlp))

    def measure(self) -> Row:
        """Measure the dev loss and the training scores with the current weights.

        RETURNS: a dictionary with `dev_loss_<component>` for each trained `bert_ner`, and `train_<score>` for each of
            `TRAIN_SCORES`. The dev loss is the mean cross-entropy over the dev data, in nats. The training scores are
            defined as in the evaluation. Undefined values are omitted, for example the loss on data without
            annotations.
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
        # The vectors come from another component. Vectors for all Docs together might not fit into memory.
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
