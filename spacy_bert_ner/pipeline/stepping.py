"""A component that is trained: what it asks of the optimizer, which it meets at each step."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from thinc.api import Optimizer

from ..errors import Errors
from ..models import token_classifier as models
from ..models.shared_token_classifier import is_shared
from ..optim.adamw import AdamW
from ..optim.default_optimizer import set_rate, usual_rates
from ..optim.schedule import schedule_of
from ..optim.training_plan import TrainingPlan, plan_of
from .serialization import SerializablePipe


class SteppingPipe(SerializablePipe):
    """A component with a plan of its training, by which it sets the schedule of the optimizer.

    spaCy's loop tells nobody how many steps there will be. The component learns it from the config and the data when it
    is initialized, and tells the schedule when they first meet.
    """

    plan: TrainingPlan | None = None
    """Of the training; None where it was not initialized, or the pipeline's config has none."""
    learn_rate: float | None = None
    """Of the last update; None before it."""
    _told: frozenset[str] = frozenset()
    _last_zero: int | None = None

    def make_plan(self, nlp: Any, examples: CountedExamples) -> None:
        """Plan the training by the config of the pipeline.

        nlp (Language | None): the pipeline; without one there is no plan.
        RAISES ConfigError: the schedule of the config gives a learning rate of 0 throughout.
        """
        if nlp is None:
            return
        set_rate(nlp, self._width())
        self.plan = plan_of(nlp.config.interpolate(), examples.get, examples.n)

    def finish_update(self, sgd: Any) -> None:
        """Step with the gradients gathered so far.

        sgd (Optimizer): a schedule of this package that waits for the number of steps is told it. Warns, once each, of
            a rate of 0, and of one that is too high for the encoder.
        """
        if isinstance(sgd, Optimizer):  # `nlp.rehearse` hands over a function
            self._set_schedule(sgd)
            self._check_rate(sgd)
            self.learn_rate = float(sgd.learn_rate)
        super().finish_update(sgd)

    def _set_schedule(self, sgd: Optimizer) -> None:
        schedule = schedule_of(sgd)
        if schedule is None or sgd.learn_rate != schedule.rate(schedule.step):  # it was set by hand
            return
        if not schedule.is_told:
            if self.plan is not None:
                schedule.tell(sgd, self.plan.total_steps)
            else:
                schedule.stay(sgd)
                self._tell("steps_unknown", Errors.steps_unknown.format(name=self.name, rate=sgd.learn_rate))
        if sgd.learn_rate == 0 and schedule.step == self._last_zero:
            schedule.stay(sgd)
            message = Errors.schedule_stands_still.format(name=self.name, rate=sgd.learn_rate)
            self._tell("schedule_stands_still", message)
        self._last_zero = schedule.step if sgd.learn_rate == 0 else None

    def _check_rate(self, sgd: Optimizer) -> None:
        if sgd.learn_rate == 0:
            if self.learn_rate == 0:
                self._tell("rate_is_zero", Errors.rate_is_zero.format(name=self.name))
            return
        schedule = schedule_of(sgd)
        rate = float(sgd.learn_rate) if schedule is None else schedule.initial_rate
        is_adam = sgd.use_radam or (sgd.b1 > 0 and sgd.b2 > 0)
        if not is_adam or "rate_too_high" in self._told:
            return
        width = self._width()
        suitable, highest = usual_rates(width)
        if rate > highest and self._trains_encoder():
            told = {"rate": rate, "highest": highest, "lines": _lines(sgd, suitable)}
            self._tell("rate_too_high", Errors.rate_too_high.format(name=self.name, width=width, **told))

    def _width(self) -> int:
        """Numbers in a vector of the encoder; 0 where it is not known, or the encoder is another component's."""
        if is_shared(self.model) or not models.has_checkpoint(self.model):
            return 0
        return int(getattr(models.get_checkpoint(self.model).model.config, "hidden_size", None) or 0)

    def _trains_encoder(self) -> bool:
        checkpoint = models.get_checkpoint(self.model)
        named = checkpoint.model.named_parameters()
        return any(param.requires_grad and not checkpoint.parameter_depths[name].is_head for name, param in named)

    def _tell(self, which: str, message: str) -> None:
        if which not in self._told:
            self._told |= {which}
            warnings.warn(message, UserWarning, stacklevel=5)


def _lines(sgd: Optimizer, rate: float) -> str:
    """What a config has to say for another rate, as in `[training.optimizer]: learn_rate = 0.0002`."""
    number = f"{rate:.6f}".rstrip("0")
    if "learn_rate" in sgd.schedules:
        return f"[training.optimizer.learn_rate]: initial_rate = {number}"
    optimizer = "" if isinstance(sgd, AdamW) else '@optimizers = "spacy_bert_ner.AdamW.v1", and '
    return f"[training.optimizer]: {optimizer}learn_rate = {number}"


class CountedExamples:
    """The examples that `initialize` gets, counted when they are read to the end.

    n (int | None): how many there are; None before.
    """

    def __init__(self, get_examples: Callable[[], Iterable[Any]]) -> None:
        self.get = get_examples
        self.n: int | None = None

    def __call__(self) -> Iterator[Any]:
        n = 0
        for example in self.get():
            yield example
            n += 1
        self.n = n
