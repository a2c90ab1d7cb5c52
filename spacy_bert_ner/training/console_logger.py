"""The registered logger that prints: spaCy's table, with the learning rate, below how long the training is."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import IO, Any

from spacy.language import Language
from spacy.training.loggers import console_logger as spacys_logger
from spacy.util import registry, resolve_dot_names
from wasabi import Printer

from ..corpus.small_dev import ENOUGH_ENTITIES, describe_small
from ..errors import require_setting
from ..optim.training_plan import TrainingPlan
from ..util.pipelines import our_components
from ..util.rng import IsolatedRng

LogStep = Callable[[dict[str, Any] | None], None]
SetupPrinter = Callable[..., tuple[LogStep, Callable[[], None]]]

_WIDTH = 9

_is_announced: ContextVar[bool] = ContextVar("_is_announced", default=False)


@contextmanager
def announced() -> Iterator[None]:
    """Loggers that are set up in the block need not say how long the training is."""
    token = _is_announced.set(True)
    try:
        yield
    finally:
        _is_announced.reset(token)


@registry.loggers("spacy_bert_ner.ConsoleLogger.v1")
def make_console_logger_v1(progress_bar: Any = False) -> SetupPrinter:
    """A logger that prints how long the training is and what would go wrong, then a row an evaluation.

    progress_bar (bool): whether a bar shows the steps to the next evaluation.
    RETURNS: what `[training.logger]` asks for.
    RAISES ConfigError: the setting is not allowed.
    """
    require_setting("training.logger", "progress_bar", progress_bar, isinstance(progress_bar, bool), "true, false")
    return console_logger(progress_bar)


def console_logger(progress_bar: bool = False) -> SetupPrinter:
    """See `make_console_logger_v1`."""

    def setup_printer(
        nlp: Language, stdout: IO[str] = sys.stdout, stderr: IO[str] = sys.stderr
    ) -> tuple[LogStep, Callable[[], None]]:
        if not _is_announced.get():
            lines = announcements(pipeline_plan(nlp), is_last_evaluated=False, n_dev=count_dev_entities(nlp))
            stdout.writelines(lines)
        table: Any = _WithRate(stdout, nlp)
        log_step, finalize = spacys_logger(progress_bar)(nlp, table, stderr)
        return log_step, finalize

    return setup_printer


def announcements(plan: TrainingPlan | None, *, is_last_evaluated: bool, n_dev: int | None = None) -> list[str]:
    """Lines to print before a training.

    plan: None where it is not known.
    is_last_evaluated (bool): see `TrainingPlan.problems`.
    n_dev: see `count_dev_entities`.
    """
    msg = Printer(no_print=True)
    lines = []
    if plan is not None:
        lines = [msg.info(plan.describe()), *map(msg.warn, plan.problems(is_last_evaluated=is_last_evaluated))]
    if n_dev is not None and (message := describe_small("The dev data", n_dev)):
        lines.append(msg.warn(message))
    return [f"{line}\n" for line in lines]


def count_dev_entities(nlp: Language) -> int | None:
    """Count the entities of the dev data, as far as `ENOUGH_ENTITIES`: more are not read.

    nlp (Language): whose config names the dev data.
    RETURNS: None where it cannot be read, or the pipeline has no `bert_ner`.
    """
    if not our_components(nlp):
        return None
    n = 0
    with IsolatedRng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of the data are shown when the training reads it
        try:
            config = nlp.config.interpolate()
            (dev_corpus,) = resolve_dot_names(config, [config["training"]["dev_corpus"]])
            for example in dev_corpus(nlp):
                n += len(example.reference.ents)
                if n >= ENOUGH_ENTITIES:
                    break
        except Exception:  # readers may raise anything; the training shows it when it reads the data
            return None
    return n


def pipeline_plan(nlp: Language) -> TrainingPlan | None:
    """The plan of the training, where a `bert_ner` of the pipeline knows it."""
    plans: list[Any] = [getattr(nlp.get_pipe(name), "plan", None) for name in our_components(nlp)]
    return next((plan for plan in plans if plan is not None), None)


def learn_rate_of(nlp: Language) -> float | None:
    """The learning rate of the last update; None where no `bert_ner` of the pipeline has learned."""
    rates: list[Any] = [getattr(nlp.get_pipe(name), "learn_rate", None) for name in our_components(nlp)]
    return next((rate for rate in rates if rate is not None), None)


class _WithRate:
    """The lines of spaCy's table, each with a cell more: a heading, a line below it, and the learning rate."""

    def __init__(self, stdout: IO[str], nlp: Language) -> None:
        self.stdout, self.nlp = stdout, nlp
        self.cells = [f"{'RATE':>{_WIDTH}}", "-" * _WIDTH]

    def write(self, text: str) -> None:
        if not text.strip():  # the end of a line
            self.stdout.write(text)
            return
        rate = learn_rate_of(self.nlp)
        cell = self.cells.pop(0) if self.cells else "" if rate is None else f"{rate:{_WIDTH}.2e}"
        self.stdout.write(f"{text}  {cell}")

    def flush(self) -> None:
        self.stdout.flush()
