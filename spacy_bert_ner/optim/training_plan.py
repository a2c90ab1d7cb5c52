"""How many steps and epochs a training has by its config and its data, and what of that would go wrong."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from spacy.util import registry

from ..errors import ConfigError, Errors, is_count
from ..util.rng import IsolatedRng

GetExamples = Callable[[], Iterable[Any]]

_BY_SEQUENCE, _THINCS = "spacy.batch_by_sequence.v1", "warmup_linear.v1"
_MOST_EPOCHS = 20
"""Whose batches are counted one by one; later ones are taken to have as many as the last of these."""


@dataclass(frozen=True)
class TrainingPlan:
    """The length of a training by spaCy's loop, which patience may end earlier.

    max_steps (int): of the config; 0 for none. spaCy counts steps from 0, and does the one of this number too.
    eval_frequency (int): of the config.
    n_examples (int | None): of an epoch; None where they were not counted.
    epoch_steps (int | None): batches of the first epoch; None where they were not counted.
    all_steps (int | None): batches of all epochs; None where the number of epochs has no limit, or they were not
        counted.
    schedule_steps (int | None): at which thinc's schedule comes to a learning rate of 0; None where it is another.
    """

    max_steps: int
    eval_frequency: int
    n_examples: int | None = None
    epoch_steps: int | None = None
    all_steps: int | None = None
    schedule_steps: int | None = None

    @property
    def total_steps(self) -> int | None:
        """At which a schedule is to end; None where no end is known."""
        return min(filter(None, (self.max_steps, self.all_steps)), default=None)

    @property
    def last_step(self) -> int | None:
        """The number of the last step; None where no end is known."""
        ends = [self.max_steps] if self.max_steps else []
        ends += [self.all_steps - 1] if self.all_steps else []
        return min(ends, default=None)

    def describe(self) -> str:
        """As in `Steps: 500, or 10.0 epochs of 50 batches (800 examples)`."""
        steps = "no limit but patience" if self.total_steps is None else f"{self.total_steps:,}"
        if not self.epoch_steps:
            return f"Steps: {steps}"
        epoch = f"of {self.epoch_steps:,} batches ({self.n_examples:,} examples)"
        if self.total_steps is None:
            return f"Steps: {steps}, in epochs {epoch}"
        return f"Steps: {steps}, or {self.total_steps / self.epoch_steps:,.1f} epochs {epoch}"

    def problems(self, *, is_last_evaluated: bool) -> list[str]:
        """What would go wrong, and what to do: most of the data is never read, no pipeline that has learned is
        evaluated, or the learning rate is 0 before the end.

        is_last_evaluated (bool): whether the last step is, whatever `eval_frequency` is.
        """
        found = []
        if self.max_steps and self.epoch_steps and self.total_steps == self.max_steps < self.epoch_steps:
            told = {"n_examples": self.n_examples, "epoch_steps": self.epoch_steps, "five": 5 * self.epoch_steps}
            share = self.max_steps / self.epoch_steps
            found.append(Errors.less_than_an_epoch.format(max_steps=self.max_steps, share=share, **told))
        last = self.last_step
        if last and last < self.eval_frequency and not is_last_evaluated:
            found.append(Errors.never_evaluated.format(eval_frequency=self.eval_frequency, last=last))
        if self.schedule_steps and (last is None or last > self.schedule_steps):
            until = "without an end" if last is None else f"to step {last}"
            found.append(Errors.schedule_too_short.format(total_steps=self.schedule_steps, until=until))
        return found


def make_plan(training: Mapping[str, Any], get_examples: GetExamples, n_examples: int | None = None) -> TrainingPlan:
    """Plan a training. The data are read once more where the number of batches depends on them.

    training: the section of the config, interpolated and not resolved.
    get_examples: gives the training data.
    n_examples (int | None): how many those are; None where they were not counted.
    RAISES ConfigError: its schedule gives a learning rate of 0 throughout.
    """
    max_steps, max_epochs, eval_frequency = (training[key] for key in ("max_steps", "max_epochs", "eval_frequency"))
    counted: dict[str, int] = {}
    batcher = training["batcher"]
    by_sequence = batcher.get("@batchers") == _BY_SEQUENCE and is_count(batcher.get("size"), 1)
    if max_epochs >= 0 and by_sequence:
        n = _count(get_examples) if n_examples is None else n_examples
        counted = {"n_examples": n, "epoch_steps": -(-n // batcher["size"])}
        if max_epochs:
            counted["all_steps"] = max_epochs * counted["epoch_steps"]
    elif max_epochs > 0:
        counted = _count_batches(batcher, get_examples, max_epochs)
    return TrainingPlan(max_steps, eval_frequency, **counted, schedule_steps=_steps_of_thincs_schedule(training))


def plan_of(config: Mapping[str, Any], get_examples: GetExamples, n_examples: int | None) -> TrainingPlan | None:
    """The plan of a pipeline's training; None where its config does not say how it is trained.

    config: of the pipeline, interpolated. For the others, and errors, see `make_plan`.
    """
    training = config.get("training", {})
    if not {"max_steps", "max_epochs", "eval_frequency", "batcher"} <= training.keys():
        return None
    return make_plan(training, get_examples, n_examples)


def _count(get_examples: GetExamples) -> int:
    with _quietly():
        return sum(1 for _ in get_examples())


def _count_batches(batcher: Mapping[str, Any], get_examples: GetExamples, max_epochs: int) -> dict[str, int]:
    with _quietly():
        examples = list(get_examples())
        make_batches = registry.resolve({"batcher": dict(batcher)})["batcher"]
        epochs = [sum(1 for _ in make_batches(examples)) for _ in range(min(max_epochs, _MOST_EPOCHS))]
    total = sum(epochs) + epochs[-1] * (max_epochs - len(epochs))
    return {"n_examples": len(examples), "epoch_steps": epochs[0], "all_steps": total}


@contextmanager
def _quietly() -> Iterator[None]:
    """Read data without drawing from the random numbers of others, and without what is said when they are used."""
    with IsolatedRng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _steps_of_thincs_schedule(training: Mapping[str, Any]) -> int | None:
    rate = training.get("optimizer", {}).get("learn_rate")
    if not isinstance(rate, Mapping) or rate.get("@schedules") != _THINCS:
        return None
    total = rate.get("total_steps")
    if not isinstance(total, int):
        return None
    if total < 1:
        raise ConfigError(Errors.schedule_without_steps.format(total_steps=total, zero=rate.get("warmup_steps")))
    return total
