"""Training by spaCy's own loop, with states to go on from.

What `spacy.training.loop.train` does, with what it has no place for: states, a wish to stop, other workers, and folders
that are there whole or not at all.
"""

from __future__ import annotations

import random
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training.loop import (
    DIR_MODEL_BEST,
    DIR_MODEL_LAST,
    create_before_to_disk_callback,
    create_evaluation_callback,
    create_train_batches,
    train_while_improving,
    update_meta,
)
from spacy.util import registry, resolve_dot_names
from thinc.api import Optimizer, fix_random_seed, set_gpu_allocator
from wasabi import Printer

from ..errors import BertNerError, Errors, format_exception
from ..losses.cross_entropy import WeightedMean
from ..optim.schedule import schedule_of
from ..optim.training_plan import TrainingPlan, make_plan
from ..util import rng as randomness
from ..util.atomic_io import atomic_folder
from ..util.rng import IsolatedRng
from . import checkpoints as states
from .checkpoints import TrainingCheckpoint
from .console_logger import announced, announcements, count_dev_entities, pipeline_plan
from .csv_logger import going_on
from .distributed import ProcessGroup
from .fingerprint import Fingerprint
from .optimizer_state import load_state_dict, parameters, state_dict, trainable
from .progress import ProgressReporter, StopSignal
from .resumable_pipeline import EvaluationSteps, ResumablePipeline, added_gradients


@dataclass(frozen=True)
class CheckpointPolicy:
    """Which states are kept.

    newest (int): so many.
    minutes (float): after which one is written, beside those at every evaluation; 0 for none but these.
    """

    newest: int = 2
    minutes: float = 10.0


class TrainingInterrupted(Exception):  # noqa: N818, nothing is wrong
    """A training has stopped because it was asked to.

    signal (int): by this one; 0 if by other means.
    step (int): the last that is done.
    """

    def __init__(self, signal: int, step: int) -> None:
        super().__init__(signal, step)
        self.signal, self.step = signal, step


class Trainer:
    """One training of an initialized pipeline, as its config says.

    nlp (Language): the pipeline, with the full config.
    output (Path | None): the folder of `model-best`, `model-last` and `states`; None for none of them.
    told: what it was begun with, see `fingerprint.describe`.
    folder (Path | None): of the state to go on from; None to begin.
    RAISES BertNerError: the state is of other parameters.
    """

    def __init__(
        self,
        nlp: Language,
        output: Path | None,
        told: Fingerprint,
        *,
        folder: Path | None = None,
        workers: ProcessGroup | None = None,
        keeping: CheckpointPolicy | None = None,
        use_gpu: int = -1,
    ) -> None:
        self.nlp, self.output, self.told = nlp, output, told
        self.workers, self.keeping = workers or ProcessGroup(), keeping or CheckpointPolicy()
        config = nlp.config.interpolate()
        seed = config["training"]["seed"]
        if self.workers.n > 1 and seed is None:
            seed = self.workers.from_first(random.getrandbits(31))  # their batches have to be the same
        if seed is not None:
            fix_random_seed(seed)
        if use_gpu >= 0 and config["training"]["gpu_allocator"]:
            set_gpu_allocator(config["training"]["gpu_allocator"])
        settings: dict[str, Any] = registry.resolve(config["training"], schema=ConfigSchemaTraining)
        self.settings = settings
        self.frozen: list[str] = settings["frozen_components"]
        self.optimizer: Optimizer = settings["optimizer"]
        self.state = states.read_checkpoint(folder) if folder else None
        own = IsolatedRng(self.state.random_of("data") if self.state else None)
        self.first_random = own.states
        self.stage = ResumablePipeline(nlp, self.workers, self.state.step if self.state else -1)
        self.scores: dict[int, float] = dict(self.state.scores) if self.state else {}
        self.seconds_before = self.state.seconds if self.state else 0.0
        self.begun = self.saved_at = time.monotonic()
        train_corpus, dev_corpus = resolve_dot_names(config, [settings["train_corpus"], settings["dev_corpus"]])
        stage: Any = self.stage  # what spaCy's loop asks of it, it has
        evaluate = create_evaluation_callback(stage, lambda _: dev_corpus(nlp), settings["score_weights"])
        before_update = settings["before_update"]
        self.plan = self._plan(config["training"], train_corpus)
        steps: Any = EvaluationSteps(settings["eval_frequency"], settings["max_steps"], self.stage)
        self.steps = train_while_improving(
            stage,
            self.optimizer,
            self.stage.batches(
                create_train_batches(nlp, train_corpus, settings["batcher"], settings["max_epochs"]), own
            ),
            lambda: self._evaluate(evaluate),
            dropout=settings["dropout"],
            accumulate_gradient=settings["accumulate_gradient"],
            patience=settings["patience"],
            max_steps=settings["max_steps"],
            eval_frequency=steps,
            exclude=self.frozen,
            annotating_components=settings["annotating_components"],
            before_update=before_update and (lambda _, step: before_update(nlp, step)),
        )
        if self.state is None and self.workers.n > 1:
            self.workers.take_from_first([one.array for one in parameters(nlp, self.frozen)])
        if self.workers.rank:  # lest all drop the same
            torch.manual_seed(torch.initial_seed() + self.workers.rank)

    def _plan(self, training: Mapping[str, Any], train_corpus: Callable[[Language], Iterable[Any]]) -> TrainingPlan:
        """Of a component that was initialized, else of the config and the data; tells the schedule how long it is."""
        # Those that are sourced have none.
        plan = pipeline_plan(self.nlp) or make_plan(training, lambda: train_corpus(self.nlp))
        schedule = schedule_of(self.optimizer)
        if schedule is not None and not schedule.is_told:
            schedule.tell(self.optimizer, plan.total_steps)
        return plan

    def _evaluate(self, evaluate: Callable[[], tuple[float, dict[str, Any]]]) -> tuple[float, dict[str, Any]]:
        step = self.stage.step
        if self.stage.is_behind:
            # Where evaluations are more frequent than they were, the last score before.
            return self.scores[max(done for done in self.scores if done <= step)], {}
        score, others = evaluate()
        self.scores[step] = float(score)
        return score, others

    def run(
        self,
        stop: StopSignal,
        *,
        is_watched: bool = False,
        stdout: IO[str] = sys.stdout,
        stderr: IO[str] = sys.stderr,
    ) -> None:
        """Train to the end.

        stop: is asked after each step.
        is_watched (bool): whether progress is shown.
        RAISES Stopped: it was asked to; what is needed to go on was written. BertNerError: something could not be
            written, or another worker is gone; the states that were there still are.
        """
        watch = ProgressReporter(
            self.settings["max_steps"],
            self.settings["max_epochs"],
            is_shown=is_watched and self.workers.is_first,
        )
        log_step, finalize = self._logger(stdout, stderr)
        try:
            with added_gradients(self.nlp, self.frozen, self.workers):
                self._run(stop, watch, log_step)
        except (BertNerError, TrainingInterrupted, KeyboardInterrupt):
            raise
        except Exception as e:  # whatever components raise; as spaCy has it, what was learned so far is kept
            if self.output is not None and self.workers.n == 1 and not self.stage.is_behind:
                stdout.write(
                    Printer(no_print=True).warn(Errors.training_failed.format(reason=format_exception(e))) + "\n"
                )
                self._save_pipeline(is_best=False)
            raise
        finally:
            watch.close()
            finalize()

    def _logger(self, stdout: IO[str], stderr: IO[str]) -> tuple[Callable[[Any], None], Callable[[], None]]:
        if not self.workers.is_first:
            return (lambda info: None), (lambda: None)
        msg, optimizer = Printer(no_print=True), self.optimizer
        told = [f"Pipeline: {self.nlp.pipe_names}"]
        if self.frozen:
            told.append(f"Frozen components: {self.frozen}")
        if self.settings["annotating_components"]:
            told.append(f"Set annotations on update for: {self.settings['annotating_components']}")
        told.append(f"Initial learn rate: {optimizer.learn_rate}")
        if self.workers.n > 1:
            told.append(f"Workers: {self.workers.n}")
        stdout.writelines(f"{msg.info(line)}\n" for line in told)
        n_dev = count_dev_entities(self.nlp)
        stdout.writelines(announcements(self.plan, is_last_evaluated=True, n_dev=n_dev))
        with self.nlp.select_pipes(disable=self.frozen), announced(), going_on(self.state.step if self.state else None):
            log_step, finalize = self.settings["logger"](self.nlp, stdout, stderr)
        return log_step, finalize

    def _run(self, stop: StopSignal, watch: ProgressReporter, log_step: Callable[[Any], None]) -> None:
        done, info = self.stage.done, None
        for _, info, is_best in self.steps:
            step = info["step"]
            if self.stage.is_behind:
                if self.state is not None and step == done:
                    self._go_on(self.state, info, is_evaluated=is_best is not None)
                    watch.begin(step, info["words"])
                elif stop.is_asked and self.workers.n == 1:
                    raise TrainingInterrupted(stop.signal, step)
                continue
            info["seconds"] = int(self._seconds())
            if is_best is not None:
                self._gather_losses(info["losses"])
                with self.nlp.select_pipes(disable=self.frozen):
                    update_meta(self.settings, self.nlp, info)
                self._save_pipeline(is_best=is_best)
                if self.output is not None:
                    info["output_path"] = str(self.output / DIR_MODEL_LAST)
                watch.clear()
            log_step(info if is_best is not None else None)
            watch.told(info)
            is_time = 0 < self.keeping.minutes * 60 <= time.monotonic() - self.saved_at
            is_asked, is_time = self.workers.any_of(stop.is_asked, is_time)
            if is_best is not None or is_asked or is_time:
                self._save_state(info, is_evaluated=is_best is not None)
            if is_asked:
                self._save_pipeline(is_best=False)
                raise TrainingInterrupted(stop.signal, step)
        if self.stage.step < done:
            raise BertNerError(Errors.data_ended.format(step=done, found=self.stage.step))
        if info is not None and self.stage.step > done:
            self._save_pipeline(is_best=False)
            if self.stage.step not in self.scores:
                self._save_state(info, is_evaluated=False)

    def _seconds(self) -> float:
        return self.seconds_before + time.monotonic() - self.begun

    def _go_on(self, state: TrainingCheckpoint, info: dict[str, Any], *, is_evaluated: bool) -> None:
        """Be where the state was, at the end of its step."""
        load_state_dict(self.nlp, self.optimizer, self.frozen, state.tensors, state.numbers)
        self.nlp.meta["performance"] = state.performance
        if not is_evaluated and self.workers.is_first:  # they are those of all workers
            info["losses"].update({name: _loss(*value) for name, value in state.losses.items()})
        if own := state.random_of(f"worker/{self.workers.rank}"):
            randomness.set_rng_state(own)
        elif self.workers.rank:  # there were fewer workers then
            torch.manual_seed(torch.initial_seed() + self.workers.rank + state.step)
        self.state = None  # its tensors are not needed any more
        self.begun = self.saved_at = time.monotonic()

    def _gather_losses(self, losses: dict[str, float]) -> None:
        """Make each mean that of all workers."""
        if self.workers.n == 1:
            return
        # Whose part of a batch was empty has none, or one without weight.
        names = [name for name, _ in trainable(self.nlp, self.frozen)]
        own = [losses.get(name, WeightedMean()) for name in names]
        sums = torch.tensor(
            [[float(loss) * _weight(loss), _weight(loss)] for loss in own],
            dtype=torch.float64,
            device=self.workers.device,
        )
        self.workers.add_up([sums])
        for name, (total, weight) in zip(names, sums.tolist(), strict=True):
            losses[name] = WeightedMean(total / weight if weight else 0.0, weight)

    def _save_pipeline(self, *, is_best: bool) -> None:
        output = self.output
        if output is not None:
            self.workers.first_does(lambda: self._write_pipeline(output, is_best=is_best))

    def _write_pipeline(self, output: Path, *, is_best: bool) -> None:
        last = output / DIR_MODEL_LAST
        with _writing(output), self.nlp.use_params(self.optimizer.averages or {}):
            with atomic_folder(last) as temporary:
                create_before_to_disk_callback(self.settings["before_to_disk"])(self.nlp).to_disk(temporary)
            if is_best:
                with atomic_folder(output / DIR_MODEL_BEST) as temporary:
                    shutil.copytree(last, temporary, dirs_exist_ok=True)

    def _save_state(self, info: dict[str, Any], *, is_evaluated: bool) -> None:
        output = self.output
        if output is None:
            return
        everywhere = self.workers.gather(safetensors.torch.save(randomness.get_rng_state()))
        losses = {} if is_evaluated else dict(info["losses"])
        self._gather_losses(losses)
        self.workers.first_does(lambda: self._write_state(output, info["step"], losses, everywhere))
        self.saved_at = time.monotonic()

    def _write_state(self, output: Path, step: int, losses: dict[str, float], everywhere: Sequence[bytes]) -> None:
        tensors, numbers = state_dict(self.nlp, self.optimizer, self.frozen)
        tensors |= {f"data/{name}": value for name, value in self.first_random.items()}
        for rank, data in enumerate(everywhere):
            tensors |= {f"worker/{rank}/{name}": value for name, value in safetensors.torch.load(data).items()}
        state = TrainingCheckpoint(
            step=step,
            seconds=self._seconds(),
            scores=self.scores,
            losses={name: (float(loss), getattr(loss, "weight", None)) for name, loss in losses.items()},
            performance=self.nlp.meta.get("performance", {}),
            numbers=numbers,
            told=self.told,
            tensors=tensors,
        )
        with _writing(output):
            states.write_checkpoint(output, state, self.keeping.newest)


def _weight(loss: float) -> float:
    return float(getattr(loss, "weight", 1.0))


def _loss(value: float, weight: float | None) -> float:
    return value if weight is None else WeightedMean(value, weight)


@contextmanager
def _writing(output: Path) -> Iterator[None]:
    """RAISES BertNerError: something could not be written."""
    try:
        yield
    except (OSError, SafetensorError) as e:
        raise BertNerError(Errors.output_not_written.format(output=output, reason=format_exception(e))) from e
