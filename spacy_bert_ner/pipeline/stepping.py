"""Configure the optimizer's learning-rate schedule during training, and check the learning rate."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from thinc.api import Optimizer

from ..errors import Errors
from ..models import token_classifier
from ..models.shared_token_classifier import is_shared
from ..optim.default_optimizer import set_rate
from ..optim.layerwise_adamw import AdamW
from ..optim.rate_by_encoder_size import usual_rates
from ..optim.schedule import schedule_of
from ..optim.training_plan import TrainingPlan, plan_of
from .serialization import SerializablePipe


class SteppingPipe(SerializablePipe):
    """A component that plans its training and configures the optimizer's schedule.

    spaCy's training loop does not provide the number of steps. At initialization, the component computes it from the
    config and the data. At the first step, it passes the number to the schedule.
    """

    plan: TrainingPlan | None = None
    """Training plan, or None if the component was not initialized or the pipeline's config does not define a plan."""
    learn_rate: float | None = None
    """Learning rate of the last update, or None before the first update."""
    _reported: frozenset[str] = frozenset()
    """Keys of the warnings that have been issued."""
    _last_zero: int | None = None
    """Schedule step of the last update if its learning rate was 0. None if it was not 0."""

    def make_plan(self, nlp: Any, examples: CountedExamples) -> None:
        """Create the training plan from the pipeline's config.

        nlp (Language | None): the pipeline, or None to create no plan.
        examples (CountedExamples): the training examples.
        RAISES ConfigError: the schedule in the config has a learning rate of 0 at every step.
        """
        if nlp is None:
            return
        set_rate(nlp, self._width())
        self.plan = plan_of(nlp.config.interpolate(), examples.get, examples.n)

    def finish_update(self, sgd: Any) -> None:
        """Take an optimizer step with the accumulated gradients.

        A schedule from this package that needs the number of steps or the encoder's size receives it first. A warning
        is issued once if the learning rate is 0, and once if it is too high for the encoder.

        sgd (Optimizer): the optimizer.
        """
        if isinstance(sgd, Optimizer):  # `nlp.rehearse` passes a function
            self._set_schedule(sgd)
            self._check_rate(sgd)
            self.learn_rate = float(sgd.learn_rate)
        super().finish_update(sgd)

    def _set_schedule(self, sgd: Optimizer) -> None:
        schedule = schedule_of(sgd)
        if schedule is None or sgd.learn_rate != schedule.rate(schedule.step):  # the rate was set manually
            return
        if schedule.is_auto:  # counting the layers takes half a millisecond
            schedule.suit(sgd, self._n_layers(), self._width())
        if not schedule.is_told:
            if self.plan is not None:
                schedule.tell(sgd, self.plan.total_steps)
            else:
                schedule.stay(sgd)
                self._warn_once("steps_unknown", Errors.steps_unknown.format(name=self.name, rate=sgd.learn_rate))
        if sgd.learn_rate == 0 and schedule.step == self._last_zero:
            schedule.stay(sgd)
            message = Errors.schedule_stands_still.format(name=self.name, rate=sgd.learn_rate)
            self._warn_once("schedule_stands_still", message)
        self._last_zero = schedule.step if sgd.learn_rate == 0 else None

    def _check_rate(self, sgd: Optimizer) -> None:
        if sgd.learn_rate == 0:
            if self.learn_rate == 0:
                self._warn_once("rate_is_zero", Errors.rate_is_zero.format(name=self.name))
            return
        schedule = schedule_of(sgd)
        rate = float(sgd.learn_rate) if schedule is None else schedule.initial_rate
        is_adam = sgd.use_radam or (sgd.b1 > 0 and sgd.b2 > 0)
        if not is_adam or "rate_too_high" in self._reported:
            return
        width = self._width()
        suitable, highest = usual_rates(width)
        if rate > highest and self._trains_encoder():
            rates = {"rate": rate, "highest": highest, "lines": _config_lines(sgd, suitable)}
            self._warn_once("rate_too_high", Errors.rate_too_high.format(name=self.name, width=width, **rates))

    def _width(self) -> int:
        """Return the encoder's hidden size, or 0 if it is unknown or the encoder belongs to another component."""
        if not self._has_encoder():
            return 0
        return int(getattr(token_classifier.get_checkpoint(self.model).model.config, "hidden_size", None) or 0)

    def _n_layers(self) -> int:
        """Return the encoder's number of layers, or 0 if it is unknown or the encoder belongs to another component."""
        return token_classifier.get_checkpoint(self.model).n_layers if self._has_encoder() else 0

    def _has_encoder(self) -> bool:
        return not is_shared(self.model) and token_classifier.has_checkpoint(self.model)

    def _trains_encoder(self) -> bool:
        checkpoint = token_classifier.get_checkpoint(self.model)
        named = checkpoint.model.named_parameters()
        return any(param.requires_grad and not checkpoint.parameter_depths[name].is_head for name, param in named)

    def _warn_once(self, key: str, message: str) -> None:
        if key not in self._reported:
            self._reported |= {key}
            warnings.warn(message, UserWarning, stacklevel=5)


def _config_lines(sgd: Optimizer, rate: float) -> str:
    """Return the config section and setting for a rate, such as `[training.optimizer]: learn_rate = 0.0002`."""
    number = f"{rate:.6f}".rstrip("0")
    if "learn_rate" in sgd.schedules:
        return f"[training.optimizer.learn_rate]: initial_rate = {number}"
    optimizer = "" if isinstance(sgd, AdamW) else '@optimizers = "spacy_bert_ner.AdamW.v1", and '
    return f"[training.optimizer]: {optimizer}learn_rate = {number}"


class CountedExamples:
    """The training examples for `initialize`, which are counted while they are read.

    get (Callable): function that returns the examples.
    n (int | None): number of examples, or None until all of them have been read.
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
