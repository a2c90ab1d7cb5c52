"""Compute the number of training steps and epochs from the config and the data, and report problems."""

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
"""Maximum number of epochs in which batches are counted. Later epochs are assumed to have as many batches as the last
counted epoch."""


@dataclass(frozen=True)
class TrainingPlan:
    """The length of a training run with spaCy's loop. `patience` can end the run earlier.

    max_steps (int): `max_steps` in the config. 0 for no limit. spaCy counts steps from 0 and also runs the step with
        this number.
    eval_frequency (int): `eval_frequency` in the config, in steps.
    n_examples (int | None): number of examples in an epoch. None if not counted.
    epoch_steps (int | None): number of batches in the first epoch. None if not counted.
    all_steps (int | None): number of batches in all epochs. None if the number of epochs is unlimited or the batches
        were not counted.
    schedule_steps (int | None): step at which thinc's `warmup_linear` schedule reaches a learning rate of 0. None for
        other schedules.
    """

    max_steps: int
    eval_frequency: int
    n_examples: int | None = None
    epoch_steps: int | None = None
    all_steps: int | None = None
    schedule_steps: int | None = None

    @property
    def total_steps(self) -> int | None:
        """Return the step at which a schedule should end, or None if no end is known."""
        return min(filter(None, (self.max_steps, self.all_steps)), default=None)

    @property
    def last_step(self) -> int | None:
        """Return the index of the last step, counted from 0, or None if no end is known."""
        ends = [self.max_steps] if self.max_steps else []
        ends += [self.all_steps - 1] if self.all_steps else []
        return min(ends, default=None)

    def describe(self) -> str:
        """Describe the length of the run, as in `Steps: 500, or 10.0 epochs of 50 batches (800 examples)`."""
        steps = "no limit but patience" if self.total_steps is None else f"{self.total_steps:,}"
        if not self.epoch_steps:
            return f"Steps: {steps}"
        epoch = f"of {self.epoch_steps:,} batches ({self.n_examples:,} examples)"
        if self.total_steps is None:
            return f"Steps: {steps}, in epochs {epoch}"
        return f"Steps: {steps}, or {self.total_steps / self.epoch_steps:,.1f} epochs {epoch}"

    def problems(self, *, is_last_evaluated: bool) -> list[str]:
        """Describe each problem with the length of the run, and how to fix the problem.

        Possible problems: most of the data is never read, no trained pipeline is evaluated, or the learning rate
        reaches 0 before the end.

        is_last_evaluated (bool): whether the last step is evaluated, regardless of `eval_frequency`.
        RETURNS (list[str]): the messages.
        """
        messages = []
        if self.max_steps and self.epoch_steps and self.total_steps == self.max_steps < self.epoch_steps:
            counts = {"n_examples": self.n_examples, "epoch_steps": self.epoch_steps, "five": 5 * self.epoch_steps}
            share = self.max_steps / self.epoch_steps
            messages.append(Errors.less_than_an_epoch.format(max_steps=self.max_steps, share=share, **counts))
        last = self.last_step
        if last and last < self.eval_frequency and not is_last_evaluated:
            messages.append(Errors.never_evaluated.format(eval_frequency=self.eval_frequency, last=last))
        if self.schedule_steps and (last is None or last > self.schedule_steps):
            until = "indefinitely" if last is None else f"to step {last}"
            messages.append(Errors.schedule_too_short.format(total_steps=self.schedule_steps, until=until))
        return messages


def make_plan(training: Mapping[str, Any], get_examples: GetExamples, n_examples: int | None = None) -> TrainingPlan:
    """Compute the length of a training run. If the number of batches depends on the data, read the data once more.

    training (Mapping): the `[training]` section of the config, interpolated but not resolved.
    get_examples (Callable): function that returns the training data.
    n_examples (int | None): number of examples. None if not counted.
    RETURNS (TrainingPlan): the length of the run.
    RAISES ConfigError: the learning rate schedule is 0 at every step.
    """
    max_steps, max_epochs, eval_frequency = (training[key] for key in ("max_steps", "max_epochs", "eval_frequency"))
    counts: dict[str, int] = {}
    batcher = training["batcher"]
    by_sequence = batcher.get("@batchers") == _BY_SEQUENCE and is_count(batcher.get("size"), 1)
    if max_epochs >= 0 and by_sequence:
        n = _count(get_examples) if n_examples is None else n_examples
        counts = {"n_examples": n, "epoch_steps": -(-n // batcher["size"])}
        if max_epochs:
            counts["all_steps"] = max_epochs * counts["epoch_steps"]
    elif max_epochs > 0:
        counts = _count_batches(batcher, get_examples, max_epochs)
    return TrainingPlan(max_steps, eval_frequency, **counts, schedule_steps=_steps_of_thincs_schedule(training))


def plan_of(config: Mapping[str, Any], get_examples: GetExamples, n_examples: int | None) -> TrainingPlan | None:
    """Compute the length of a pipeline's training run. Return None if its config has no training settings.

    config (Mapping): the interpolated pipeline config.
    get_examples, n_examples: see `make_plan`.
    RETURNS (TrainingPlan | None): the length of the run.
    RAISES ConfigError: see `make_plan`.
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
    """Read data without warnings and without advancing the global random number generators."""
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
