"""Register a console logger that prints the training plan and adds the learning rate to spaCy's table."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import IO, Any

from spacy.language import Language
from spacy.training.loggers import console_logger as spacy_console_logger
from spacy.util import registry, resolve_dot_names
from wasabi import Printer

from ..corpus.dev_set_size import ENOUGH_ENTITIES, describe_small
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
    """Prevent loggers that are set up within the block from printing the training plan a second time."""
    token = _is_announced.set(True)
    try:
        yield
    finally:
        _is_announced.reset(token)


@registry.loggers("spacy_bert_ner.ConsoleLogger.v1")
def make_console_logger_v1(progress_bar: Any = False) -> SetupPrinter:
    """Create a logger that prints the training plan and likely problems, then one row per evaluation.

    progress_bar (bool): whether to show a progress bar for the steps until the next evaluation. Default: False.
    RETURNS: the setup function for `[training.logger]`.
    RAISES ConfigError: the setting is invalid.
    """
    require_setting("training.logger", "progress_bar", progress_bar, isinstance(progress_bar, bool), "true, false")
    return console_logger(progress_bar)


def console_logger(progress_bar: bool = False) -> SetupPrinter:
    """Create the same logger as `make_console_logger_v1` without validating the setting."""

    def setup_printer(
        nlp: Language, stdout: IO[str] = sys.stdout, stderr: IO[str] = sys.stderr
    ) -> tuple[LogStep, Callable[[], None]]:
        if not _is_announced.get():
            lines = announcements(pipeline_plan(nlp), is_last_evaluated=False, n_dev=count_dev_entities(nlp))
            stdout.writelines(lines)
        table: Any = _RateColumn(stdout, nlp)
        log_step, finalize = spacy_console_logger(progress_bar)(nlp, table, stderr)
        return log_step, finalize

    return setup_printer


def announcements(plan: TrainingPlan | None, *, is_last_evaluated: bool, n_dev: int | None = None) -> list[str]:
    """Return the training plan and warnings about likely problems as lines to print before training.

    plan (TrainingPlan | None): the training plan, or None if it is unknown.
    is_last_evaluated (bool): whether the last step is evaluated; see `TrainingPlan.problems`.
    n_dev (int | None): number of entities in the dev data, or None if it is unknown; see `count_dev_entities`. Default:
        None.
    RETURNS: the lines, each ending with a line break.
    """
    msg = Printer(no_print=True)
    lines = []
    if plan is not None:
        lines = [msg.info(plan.describe()), *map(msg.warn, plan.problems(is_last_evaluated=is_last_evaluated))]
    if n_dev is not None and (message := describe_small("The dev data", n_dev)):
        lines.append(msg.warn(message))
    return [f"{line}\n" for line in lines]


def count_dev_entities(nlp: Language) -> int | None:
    """Count the entities in the dev data, but stop counting when there are at least `ENOUGH_ENTITIES`.

    nlp (Language): the pipeline, whose config specifies the dev data.
    RETURNS: the number of entities counted, or None if the data cannot be read or the pipeline has no `bert_ner`.
    """
    if not our_components(nlp):
        return None
    n = 0
    with IsolatedRng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # training reports these warnings when it reads the data
        try:
            config = nlp.config.interpolate()
            (dev_corpus,) = resolve_dot_names(config, [config["training"]["dev_corpus"]])
            for example in dev_corpus(nlp):
                n += len(example.reference.ents)
                if n >= ENOUGH_ENTITIES:
                    break
        except Exception:  # readers can raise any exception; training reports it when it reads the data
            return None
    return n


def pipeline_plan(nlp: Language) -> TrainingPlan | None:
    """Return the training plan, or None if no `bert_ner` in the pipeline has a plan."""
    plans: list[Any] = [getattr(nlp.get_pipe(name), "plan", None) for name in our_components(nlp)]
    return next((plan for plan in plans if plan is not None), None)


def learn_rate_of(nlp: Language) -> float | None:
    """Return the learning rate of the last update, or None if no `bert_ner` in the pipeline was updated."""
    rates: list[Any] = [getattr(nlp.get_pipe(name), "learn_rate", None) for name in our_components(nlp)]
    return next((rate for rate in rates if rate is not None), None)


class _RateColumn:
    """An output stream for spaCy's table that appends the learning rate to each line."""

    def __init__(self, stdout: IO[str], nlp: Language) -> None:
        self.stdout, self.nlp = stdout, nlp
        self.heading_cells = [f"{'RATE':>{_WIDTH}}", "-" * _WIDTH]

    def write(self, text: str) -> None:
        if not text.strip():  # a line break
            self.stdout.write(text)
            return
        rate = learn_rate_of(self.nlp)
        cell = self.heading_cells.pop(0) if self.heading_cells else "" if rate is None else f"{rate:{_WIDTH}.2e}"
        self.stdout.write(f"{text}  {cell}")

    def flush(self) -> None:
        self.stdout.flush()
