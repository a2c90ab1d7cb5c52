"""The registered schedule of the learning rate: warm-up, then linear decay over the steps that the training has."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

from functools import partial
from typing import Any

from thinc.api import Optimizer, registry

from ..errors import is_count, is_number, require_setting

SECTION = "training.optimizer.learn_rate"
ASSUMED_STEPS = 1000
"""Of which a share is the warm-up where training has no end that could be known."""


class WarmupLinear:
    """The learning rates of a training, step by step: a line up to `initial_rate`, then a line down to 0 at the end.

        step:   0    1    2    3     4    5     6          a rate of 1.0, warm-up 2, total steps 6
        rate:   0   0.5   1   0.75  0.5  0.25   0

    The number of steps is that of the config, or is given with `tell`, by `bert_ner` or by `bert-ner train`. Where
    nobody gives one, the rate stays at `initial_rate`. It never stays at 0: where training goes on beyond the last
    step, the rate is that of the step before the last.

    initial_rate (float): the highest rate.
    warmup (int | float): the number of warm-up steps; below 1, their share of all steps.
    total_steps (int | None): number of steps; None where the training tells it.
    """

    def __init__(self, initial_rate: float, warmup: float, total_steps: int | None) -> None:
        self.initial_rate, self.warmup, self.total_steps = initial_rate, warmup, total_steps
        self.is_told = total_steps is not None
        self.is_constant = False
        self.step = -1  # whose rate was given last

    def __iter__(self) -> "WarmupLinear":
        return self

    def __next__(self) -> float:
        self.step += 1
        return self.rate(self.step)

    def tell(self, optimizer: Optimizer, total_steps: int | None) -> None:
        """Set the number of steps, and the learning rate of the optimizer that has this schedule.

        total_steps (int | None): None where training has no end that is known: after the warm-up, the rate stays.
        """
        self.total_steps, self.is_told = total_steps, True
        optimizer.learn_rate = self.rate(max(self.step, 0))

    def stay(self, optimizer: Optimizer) -> None:
        """Keep `initial_rate` from now on, and set it."""
        self.is_told = self.is_constant = True
        optimizer.learn_rate = self.initial_rate

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        if self.is_constant:
            return self.initial_rate
        n_warmup = self._warmup_steps()
        if n_warmup is None:  # nobody has told the steps yet; the first is that of any warm-up
            return 0.0 if step == 0 else self.initial_rate
        if step < n_warmup:
            factor = step / n_warmup
        elif self.total_steps is None:
            factor = 1.0
        else:
            left = self.total_steps - step
            factor = max(left if left >= 0 else 1, 0) / max(1, self.total_steps - n_warmup)
        return factor * self.initial_rate

    def _warmup_steps(self) -> int | None:
        """None where it is a share of nobody knows how many steps."""
        if self.warmup >= 1 or not self.warmup:
            return int(self.warmup)
        if not self.is_told:
            return None
        return round(self.warmup * (ASSUMED_STEPS if self.total_steps is None else self.total_steps))


@registry.schedules("spacy_bert_ner.WarmupLinear.v1")
def make_warmup_linear_v1(initial_rate: Any = 0.0002, warmup: Any = 0.1, total_steps: Any = None) -> WarmupLinear:
    """Make the schedule of `[training.optimizer.learn_rate]`.

    initial_rate (float): the highest rate, from which it decays.
    warmup (int | float): below 1 the share of all steps in which the rate rises, else the number of these steps.
    total_steps (int | None): at which the rate comes to 0. None: as `[training]` says, by `max_steps` or by
        `max_epochs` and the number of batches.
    RAISES ConfigError: a setting is not allowed.
    """
    check = partial(require_setting, SECTION)
    is_rate = is_number(initial_rate) and initial_rate > 0
    check("initial_rate", initial_rate, is_rate, "a number above 0, such as 0.00025")
    is_warmup = is_number(warmup) and warmup >= 0 and (warmup < 1 or warmup == int(warmup))
    allowed = "a share of the steps from 0 to below 1, such as 0.1, or a whole number of steps, such as 50"
    check("warmup", warmup, is_warmup, allowed)
    is_total = total_steps is None or is_count(total_steps, 1)
    allowed = "null for those of [training] max_steps or max_epochs, or a whole number from 1, such as 500"
    check("total_steps", total_steps, is_total, allowed)
    return WarmupLinear(float(initial_rate), warmup, total_steps)


def schedule_of(optimizer: Optimizer) -> WarmupLinear | None:
    """The schedule of an optimizer's learning rate, where it is one of these."""
    schedule = optimizer.schedules.get("learn_rate")
    return schedule if isinstance(schedule, WarmupLinear) else None
