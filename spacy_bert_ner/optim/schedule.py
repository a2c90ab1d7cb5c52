"""Register the learning rate schedule: a warm-up, then linear decay until the end of training."""

# No `from __future__ import annotations` here: spaCy reads these signatures to validate configs.

from functools import partial
from typing import Any

from thinc.api import Optimizer, registry

from ..errors import is_count, is_number, require_setting
from .rate_by_encoder_size import scheduled_rate

SECTION = "training.optimizer.learn_rate"
AUTO = "auto"
ASSUMED_STEPS = 1000
"""Number of steps to which a fractional warm-up refers if training has no known end."""


class WarmupLinear:
    """A schedule with one learning rate per step: a linear rise to `initial_rate`, then a linear decay to 0.

        step:   0    1    2    3     4    5     6          (initial_rate 1.0, warmup 2, total_steps 6)
        rate:   0   0.5   1   0.75  0.5  0.25   0

    The total number of steps is specified in the config, or set later by `bert_ner` or `bert-ner train` with `tell`.
    Until then, the rate does not decay. If training continues beyond the last step, it uses the last rate above 0.

    If `initial_rate` is "auto", `bert_ner` sets it with `suit` before the first update. Until then, and in pipelines in
    which no `bert_ner` component has an encoder, it is the rate for BERT-base.

    initial_rate (float | str): highest learning rate, or "auto" for one that suits the encoder.
    warmup (int | float): number of warm-up steps, or a fraction of all steps if below 1.
    total_steps (int | None): total number of steps. None to set it later with `tell`.
    """

    def __init__(self, initial_rate: float | str, warmup: float, total_steps: int | None) -> None:
        self.is_auto = initial_rate == AUTO
        self.initial_rate = scheduled_rate(0, 0) if self.is_auto else float(initial_rate)
        self.is_suited = not self.is_auto
        self.warmup, self.total_steps = warmup, total_steps
        self.is_told = total_steps is not None
        self.is_constant = False
        self.step = -1  # the step of the last rate returned

    def __iter__(self) -> "WarmupLinear":
        return self

    def __next__(self) -> float:
        self.step += 1
        return self.rate(self.step)

    def tell(self, optimizer: Optimizer, total_steps: int | None) -> None:
        """Set the total number of steps and update the optimizer's learning rate.

        optimizer (Optimizer): the optimizer that uses this schedule.
        total_steps (int | None): total number of steps. None if training has no known end: the rate then stays constant
            after the warm-up.
        """
        self.total_steps, self.is_told = total_steps, True
        optimizer.learn_rate = self.rate(max(self.step, 0))

    def suit(self, optimizer: Optimizer, n_layers: int, width: int) -> None:
        """If `initial_rate` is "auto", adapt it to an encoder and update the optimizer's learning rate.

        If this method is called for several encoders, the lowest of their rates is used.

        optimizer (Optimizer): the optimizer that uses this schedule.
        n_layers (int): number of layers in the encoder.
        width (int): dimension of the encoder's vectors. 0 if unknown.
        """
        rate = scheduled_rate(n_layers, width)
        if self.is_auto and (not self.is_suited or rate < self.initial_rate):
            self.initial_rate, self.is_suited = rate, True
            optimizer.learn_rate = self.rate(max(self.step, 0))

    def stay(self, optimizer: Optimizer) -> None:
        """Use `initial_rate` for all further steps and update the optimizer's learning rate.

        optimizer (Optimizer): the optimizer that uses this schedule.
        """
        self.is_told = self.is_constant = True
        optimizer.learn_rate = self.initial_rate

    def rate(self, step: int) -> float:
        """Return the learning rate for a step.

        step (int): step index, starting at 0.
        """
        if self.is_constant:
            return self.initial_rate
        n_warmup = self._warmup_steps()
        if n_warmup is None:  # the number of steps is not set yet; any warm-up starts at 0
            return 0.0 if step == 0 else self.initial_rate
        if step < n_warmup:
            factor = step / n_warmup
        elif self.total_steps is None:
            factor = 1.0
        else:
            n_left = self.total_steps - step
            factor = (n_left if n_left >= 0 else 1) / max(1, self.total_steps - n_warmup)
        return factor * self.initial_rate

    def _warmup_steps(self) -> int | None:
        """Return the number of warm-up steps. None if it is a fraction of a total that is not set yet."""
        if self.warmup >= 1 or not self.warmup:
            return int(self.warmup)
        if not self.is_told:
            return None
        return round(self.warmup * (ASSUMED_STEPS if self.total_steps is None else self.total_steps))


@registry.schedules("spacy_bert_ner.WarmupLinear.v1")
def make_warmup_linear_v1(initial_rate: Any = 0.0002, warmup: Any = 0.1, total_steps: Any = None) -> WarmupLinear:
    """Create a learning rate schedule with a warm-up and a linear decay, for `[training.optimizer.learn_rate]`.

    initial_rate (float | str): highest learning rate, or "auto" for a rate that suits the encoder. Default: 0.0002.
    warmup (int | float): number of warm-up steps, or a fraction of all steps if below 1. Default: 0.1.
    total_steps (int | None): step at which the rate reaches 0. None computes it from the settings in `[training]`: from
        `max_steps`, or from `max_epochs` and the number of batches. Default: None.
    RETURNS (WarmupLinear): the schedule.
    RAISES ConfigError: a setting is invalid.
    """
    check = partial(require_setting, SECTION)
    is_rate = initial_rate == AUTO or (is_number(initial_rate) and initial_rate > 0)
    allowed = 'a number above 0, such as 0.00025, or "auto" for a rate that suits the encoder'
    check("initial_rate", initial_rate, is_rate, allowed)
    is_warmup = is_number(warmup) and warmup >= 0 and (warmup < 1 or warmup == int(warmup))
    allowed = "a share of the steps, from 0 to less than 1, such as 0.1, or a whole number of steps, such as 50"
    check("warmup", warmup, is_warmup, allowed)
    is_total = total_steps is None or is_count(total_steps, 1)
    allowed = "null to use [training] max_steps or max_epochs, or a whole number of at least 1, such as 500"
    check("total_steps", total_steps, is_total, allowed)
    return WarmupLinear(initial_rate, warmup, total_steps)


def schedule_of(optimizer: Optimizer) -> WarmupLinear | None:
    """Return an optimizer's `WarmupLinear` learning rate schedule, or None if it does not use one.

    optimizer (Optimizer): any thinc optimizer.
    """
    schedule = optimizer.schedules.get("learn_rate")
    return schedule if isinstance(schedule, WarmupLinear) else None
