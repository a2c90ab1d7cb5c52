"""The registered logger: `spacy train` writes one row an evaluation to a CSV file, for plots."""

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
"""What is said of the training data; loss and time of it are in the row already."""


@registry.loggers("spacy_bert_ner.CsvLogger.v1")
def make_csv_logger_v1(path: Any, console: Any = True, progress_bar: Any = False, curves: Any = 0) -> SetupPrinter:
    """A logger that writes a CSV file: see `evaluation_row`. The first row names the columns.

    path (str | Path): of the file. Its folders are made; a file that is there is replaced at the first evaluation.
    console (bool): whether rows are printed too, as `spacy_bert_ner.ConsoleLogger.v1` does.
    progress_bar (bool): whether a bar shows the steps to the next evaluation. Needs `console`.
    curves (int): after each evaluation, the loss of the dev data and the scores of the training data, of its first so
        many examples, are measured too, see `LearningCurves`; 0 for neither. A number, as training data may have no
        end, and as it tells what a row costs.
    RETURNS: what `[training.logger]` asks for.
    RAISES ConfigError: a setting is not allowed; when training begins: there is nothing to measure.
    """
    check = partial(require_setting, SECTION)
    is_path = isinstance(path, Path) or (isinstance(path, str) and bool(path.strip()))
    check("path", path, is_path and not Path(path).is_dir(), 'a file to write, as in path = "training/log.csv"')
    check("console", console, isinstance(console, bool), "true, false")
    check("progress_bar", progress_bar, isinstance(progress_bar, bool), "true, false")
    check(
        "progress_bar", progress_bar, console or not progress_bar, "false while console = false, which prints nothing"
    )
    is_count = type(curves) is int and curves >= 0  # a Boolean is an integer to Python
    check("curves", curves, is_count, "a whole number from 0: the examples of the training data to score; 0 for none")

    def setup_printer(
        nlp: Language, stdout: IO[str] = sys.stdout, stderr: IO[str] = sys.stderr
    ) -> tuple[LogStep, Callable[[], None]]:
        table = CsvTable(Path(path))
        measure = LearningCurves(nlp, curves).measure if curves else dict
        to_console = console_logger(progress_bar) if console else _print_nothing
        print_step, finalize = to_console(nlp, stdout, stderr)

        def log_step(info: dict[str, Any] | None) -> None:
            if info is not None:  # None: a step without an evaluation
                table.add(evaluation_row(info, learn_rate_of(nlp)) | measure())
            print_step(info)

        return log_step, finalize

    return setup_printer


def _print_nothing(*_: Any) -> tuple[LogStep, Callable[[], None]]:
    # The console logger would refuse scores that are None.
    return lambda info: None, lambda: None


_last_step: ContextVar[int | None] = ContextVar("_last_step", default=None)


@contextmanager
def going_on(step: int | None) -> Iterator[None]:
    """Loggers that are set up in the block go on with a training after this step; None for one that begins."""
    token = _last_step.set(step)
    try:
        yield
    finally:
        _last_step.reset(token)


class CsvTable:
    """A CSV file that grows by rows and, where a row brings new columns, by these; older rows have nothing in them.

    Whoever reads it while it grows, or after the process was killed, finds whole rows. Where training goes on after a
    step, the rows up to it stay.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.columns: list[str] = []
        self._older: list[Row] = []
        last = _last_step.get()
        if last is not None and path.exists():
            with path.open(encoding="utf8", newline="") as file:
                reader = csv.DictReader(file)
                self._older = [row for row in reader if _is_up_to(last, row.get("step"))]
                self.columns = list(reader.fieldnames or ()) if self._older else []

    def add(self, row: Row) -> None:
        """Write a row."""
        new = [column for column in row if column not in self.columns]
        if new or self._older or not self.path.exists():
            self._rewrite([*self.columns, *new], row)
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
            # A file that was there before the first row is of another run, but for the rows that are to stay.
            if self._older:
                writer.writerows(self._older)
            elif self.columns and self.path.exists():
                with self.path.open(encoding="utf8", newline="") as older:
                    writer.writerows(csv.DictReader(older))
            writer.writerow(row)
        self.columns, self._older = columns, []


def _is_up_to(last: int, step: object) -> bool:
    return isinstance(step, str) and step.isdecimal() and int(step) <= last


def evaluation_row(info: Mapping[str, Any], learn_rate: float | None = None) -> Row:
    """What a row holds: `epoch`, `step`, `seconds`, `words` so far, `score`, `learn_rate` of the step,
    `loss_<component>` of each component that learned since the last row, and every score that is a number.

        {"ents_f": 0.5, "ents_per_type": {"per": {"f": 0.5}}}   →   ents_f, ents_per_type_per_f

    info: what spaCy's training loop tells of an evaluation.
    learn_rate (float | None): of its step; None where no `bert_ner` has learned.
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
    """What an evaluation does not tell: the loss of the dev data and the scores of the training data.

    Training ends with the same weights as without. Both are read once, so that an augmenter gives one set of examples.

    nlp (Language): the pipeline in training, without its frozen components.
    n_train (int): so many examples of the training data, from the first, are scored.
    RAISES ConfigError: no `bert_ner` trains.
    """

    def __init__(self, nlp: Language, n_train: int) -> None:
        self.nlp = nlp
        self.names = our_components(nlp)
        allowed = "0 where no component made by 'bert_ner' trains"
        require_setting(SECTION, "curves", n_train, bool(self.names), allowed)
        config = nlp.config.interpolate()
        names = [config["training"][key] for key in ("train_corpus", "dev_corpus")]
        with IsolatedRng(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the data, as spaCy reads them too, and they are said then
            train, dev = resolve_dot_names(config, names)
            self.train: list[Example] = list(islice(train(nlp), n_train))
            self.dev: list[Example] = list(dev(nlp))

    def measure(self) -> Row:
        """Measure, with the weights as they are: `dev_loss_<component>` of each `bert_ner` that trains, the mean
        cross-entropy in nats of all dev data; and the `TRAIN_SCORES` as `train_<score>`, as the evaluation counts them.

        RETURNS: those that there are; there is no loss without annotation, say.
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
        # Vectors come from another component, and there is no room for those of all Docs at once.
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
