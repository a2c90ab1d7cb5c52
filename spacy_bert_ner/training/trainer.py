"""Train with spaCy's training loop, and support checkpoints, exact resumption, stop requests and several workers.

Training produces the same weights as `spacy.training.loop.train`. In addition, pipelines are written atomically and the
last step is evaluated. The loop receives a `ResumablePipeline` instead of the pipeline.

    spaCy's loop    ResumablePipeline     nlp, optimizer            Trainer           Checkpointer
         |                  |                    |                     |                    |
    A training step         |                    |                     |                    |
         | next batch       |                    |                     |                    |
         |----------------->| reads one ahead    |                     |                    |
         | update           |                    |                     |                    |
         |----------------->| update(shard)      |                     |                    |
         |                  |------------------->| forward, backward   |                    |
         | finish_update    |                    |                     |                    |
         |-------------------------------------->| sums gradients over |                    |
         |                  |                    | workers, then steps |                    |
         | evaluate: every `eval_frequency` steps and in the last step |                    |
         |------------------------------------------------------------>|                    |
         |                  | evaluate           |                     |                    |
         |                  |<-----------------------------------------| records the score  |
         | yields info      |                    |                     |                    |
         |------------------------------------------------------------>| logs the step      |
         |                  |                    |                     |                    |
    A checkpoint: after an evaluation, every few minutes, on a stop request and at the end  |
         |                  |                    |                     | save_pipeline      |
         |                  |                    |                     |------------------->| model-last, model-best
         |                  |                    |                     | save_checkpoint    |
         |                  |                    |                     |------------------->|
         |                  |                    | copies weights, moments and RNG states   |
         |                  |                    |<-----------------------------------------|
         |                  |                    |                     |                    | checkpoints/<step>
         |                  |                    |                     |                    |
    Resuming from the checkpoint for step s: steps 0 to s are replayed without learning     |
         | next batch       |                    |                     |                    |
         |----------------->| reads the same data, starting from the saved RNG states       |
         | update           |                    |                     |                    |
         |----------------->| returns at once    |                     |                    |
         | finish_update: no component steps, as `pipeline` is empty; schedules advance     |
         | evaluate         |                    |                     |                    |
         |------------------------------------------------------------>| returns the        |
         |                  |                    |                     | recorded score     |
         | yields info about step s              |                     |                    |
         |------------------------------------------------------------>|                    |
         |                  |                    | restores weights, moments and RNG states |
         |                  |                    |<--------------------|                    |
         | step s + 1: a training step as above  |                     |                    |

The checkpoint to resume from is read before the loop starts. Between evaluations, only a checkpoint is written, without
a pipeline. On a stop request, the checkpoint is written before `model-last`.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import torch
from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training.loop import (
    DIR_MODEL_LAST,
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
from ..util.rng import IsolatedRng, set_rng_state
from .checkpointer import Checkpointer, CheckpointPolicy
from .console_logger import announced, announcements, count_dev_entities, pipeline_plan
from .csv_logger import resuming_after
from .distributed import ProcessGroup
from .fingerprint import Fingerprint
from .optimizer_state import load_state_dict, parameters, trainable
from .progress import ProgressReporter, StopSignal
from .resumable_pipeline import EvaluationSteps, ResumablePipeline, added_gradients
from .training_checkpoints import TrainingCheckpoint, read_checkpoint


class TrainingInterrupted(Exception):  # noqa: N818, not an error
    """The exception that is raised when training ends because of a stop request.

    signal (int): number of the signal that requested the stop, or 0 if no signal was received.
    step (int): number of the last completed step, or -1 if it is unknown.
    """

    def __init__(self, signal: int, step: int) -> None:
        super().__init__(signal, step)
        self.signal, self.step = signal, step


class Trainer:
    """A trainer for an initialized pipeline that follows the pipeline's config.

    nlp (Language): the initialized pipeline with its full config.
    output (Path | None): folder for `model-best`, `model-last` and `checkpoints`, or None to write none of them.
    fingerprint: fingerprint of the run's inputs; see `fingerprint.describe`.
    folder (Path | None): training checkpoint to resume from, or None to start from the beginning. Default: None.
    workers (ProcessGroup | None): the group of training processes, or None for a single process. Default: None.
    policy (CheckpointPolicy | None): policy for writing and keeping checkpoints, or None for the default policy.
        Default: None.
    use_gpu (int): GPU ID. Default: -1, the CPU.
    RAISES BertNerError: the training checkpoint cannot be read.
    """

    def __init__(
        self,
        nlp: Language,
        output: Path | None,
        fingerprint: Fingerprint,
        *,
        folder: Path | None = None,
        workers: ProcessGroup | None = None,
        policy: CheckpointPolicy | None = None,
        use_gpu: int = -1,
    ) -> None:
        self.nlp, self.output = nlp, output
        self.workers = workers or ProcessGroup()
        config = nlp.config.interpolate()
        seed = config["training"]["seed"]
        if self.workers.world_size > 1 and seed is None:
            seed = self.workers.broadcast_object(random.getrandbits(31))  # all workers must read the same batches
        if seed is not None:
            fix_random_seed(seed)
        if use_gpu >= 0 and config["training"]["gpu_allocator"]:
            set_gpu_allocator(config["training"]["gpu_allocator"])
        settings: dict[str, Any] = registry.resolve(config["training"], schema=ConfigSchemaTraining)
        self.settings = settings
        self.frozen: list[str] = settings["frozen_components"]
        self.optimizer: Optimizer = settings["optimizer"]
        self.checkpoint = read_checkpoint(folder) if folder else None
        data_rng = IsolatedRng(self.checkpoint.rng_state("data") if self.checkpoint else None)
        self.checkpointer = Checkpointer(
            nlp,
            self.optimizer,
            output,
            self.workers,
            policy or CheckpointPolicy(),
            frozen=self.frozen,
            fingerprint=fingerprint,
            data_rng=data_rng.states,
            before_to_disk=settings["before_to_disk"],
        )
        self.pipeline = ResumablePipeline(nlp, self.workers, self.checkpoint.step if self.checkpoint else -1)
        self.scores: dict[int, float] = dict(self.checkpoint.scores) if self.checkpoint else {}
        self.seconds_before = self.checkpoint.seconds if self.checkpoint else 0.0
        self.start_time = time.monotonic()
        train_corpus, dev_corpus = resolve_dot_names(config, [settings["train_corpus"], settings["dev_corpus"]])
        stand_in = self.pipeline.as_language()
        evaluate = create_evaluation_callback(stand_in, lambda _: dev_corpus(nlp), settings["score_weights"])
        before_update = settings["before_update"]
        self.plan = self._plan(config["training"], train_corpus)
        batches = create_train_batches(nlp, train_corpus, settings["batcher"], settings["max_epochs"])
        self.steps = train_while_improving(
            stand_in,
            self.optimizer,
            self.pipeline.batches(batches, data_rng),
            lambda: self._evaluate(evaluate),
            dropout=settings["dropout"],
            accumulate_gradient=settings["accumulate_gradient"],
            patience=settings["patience"],
            max_steps=settings["max_steps"],
            eval_frequency=EvaluationSteps(settings["eval_frequency"], settings["max_steps"], self.pipeline).as_int(),
            exclude=self.frozen,
            annotating_components=settings["annotating_components"],
            before_update=before_update and (lambda _, step: before_update(nlp, step)),
        )
        if self.checkpoint is None and self.workers.world_size > 1:
            self.workers.broadcast([parameter.array for parameter in parameters(nlp, self.frozen)])
        if self.workers.rank:  # otherwise, all workers would use the same dropout masks
            torch.manual_seed(torch.initial_seed() + self.workers.rank)

    def _plan(self, training: Mapping[str, Any], train_corpus: Callable[[Language], Iterable[Any]]) -> TrainingPlan:
        """Return the training plan of an initialized component, or create one from the config and the data.

        Also pass the number of steps to the schedule.
        """
        # Sourced components have no plan.
        plan = pipeline_plan(self.nlp) or make_plan(training, lambda: train_corpus(self.nlp))
        schedule = schedule_of(self.optimizer)
        if schedule is not None and not schedule.is_told:
            schedule.tell(self.optimizer, plan.total_steps)
        return plan

    def _evaluate(self, evaluate: Callable[[], tuple[float, dict[str, Any]]]) -> tuple[float, dict[str, Any]]:
        step = self.pipeline.step
        if self.pipeline.is_replaying:
            # If evaluations are now more frequent, a step without a score uses the previous score.
            return self.scores[max(scored for scored in self.scores if scored <= step)], {}
        score, other_scores = evaluate()
        self.scores[step] = float(score)
        return score, other_scores

    def run(
        self,
        stop: StopSignal,
        *,
        shows_progress: bool = False,
        stdout: IO[str] = sys.stdout,
        stderr: IO[str] = sys.stderr,
    ) -> None:
        """Run training to completion.

        stop (StopSignal): stop signal to check after each step.
        shows_progress (bool): whether to show the progress. Default: False.
        stdout, stderr: output streams for the logger. Default: `sys.stdout` and `sys.stderr`.
        RAISES TrainingInterrupted: a stop was requested. A training checkpoint and `model-last` have been written.
            BertNerError: a file cannot be written, the checkpoint's parameters do not match the pipeline, or the
            connection to another worker is lost. Existing training checkpoints remain unchanged.
        """
        progress = ProgressReporter(
            self.settings["max_steps"],
            self.settings["max_epochs"],
            is_shown=shows_progress and self.workers.is_first,
        )
        log_step, finalize = self._logger(stdout, stderr)
        try:
            with added_gradients(self.nlp, self.frozen, self.workers):
                self._run(stop, progress, log_step)
        except (BertNerError, TrainingInterrupted, KeyboardInterrupt):
            raise
        except Exception as e:  # components can raise any exception; save the weights as spaCy does
            if self.output is not None and self.workers.world_size == 1 and not self.pipeline.is_replaying:
                stdout.write(
                    Printer(no_print=True).warn(Errors.training_failed.format(reason=format_exception(e))) + "\n"
                )
                self.checkpointer.save_pipeline(is_best=False)
            raise
        finally:
            progress.close()
            finalize()

    def _logger(self, stdout: IO[str], stderr: IO[str]) -> tuple[Callable[[Any], None], Callable[[], None]]:
        if not self.workers.is_first:
            return (lambda info: None), (lambda: None)
        msg, optimizer = Printer(no_print=True), self.optimizer
        lines = [f"Pipeline: {self.nlp.pipe_names}"]
        if self.frozen:
            lines.append(f"Frozen components: {self.frozen}")
        if self.settings["annotating_components"]:
            lines.append(f"Set annotations on update for: {self.settings['annotating_components']}")
        lines.append(f"Initial learning rate: {optimizer.learn_rate}")
        if self.workers.world_size > 1:
            lines.append(f"Workers: {self.workers.world_size}")
        stdout.writelines(f"{msg.info(line)}\n" for line in lines)
        n_dev = count_dev_entities(self.nlp)
        stdout.writelines(announcements(self.plan, is_last_evaluated=True, n_dev=n_dev))
        last_step = self.checkpoint.step if self.checkpoint else None
        with self.nlp.select_pipes(disable=self.frozen), announced(), resuming_after(last_step):
            log_step, finalize = self.settings["logger"](self.nlp, stdout, stderr)
        return log_step, finalize

    def _run(self, stop: StopSignal, progress: ProgressReporter, log_step: Callable[[Any], None]) -> None:
        completed_step, info = self.pipeline.completed_step, None
        for _, info, is_best in self.steps:
            step = info["step"]
            if self.pipeline.is_replaying:
                if self.checkpoint is not None and step == completed_step:
                    self._restore(self.checkpoint, info, is_evaluated=is_best is not None)
                    progress.begin(step, info["words"])
                elif stop.is_requested and self.workers.world_size == 1:
                    raise TrainingInterrupted(stop.signal, step)
                continue
            info["seconds"] = int(self._seconds())
            if is_best is not None:
                self._reduce_losses(info["losses"])
                with self.nlp.select_pipes(disable=self.frozen):
                    update_meta(self.settings, self.nlp, info)
                self.checkpointer.save_pipeline(is_best=is_best)
                if self.output is not None:
                    info["output_path"] = str(self.output / DIR_MODEL_LAST)
                progress.clear()
            log_step(info if is_best is not None else None)
            progress.update(info)
            is_stopping, is_due = self.workers.any_rank(stop.is_requested, self.checkpointer.is_due)
            if is_best is not None or is_stopping or is_due:
                self._save_checkpoint(info, is_evaluated=is_best is not None)
            if is_stopping:
                self.checkpointer.save_pipeline(is_best=False)
                raise TrainingInterrupted(stop.signal, step)
        if self.pipeline.step < completed_step:
            raise BertNerError(Errors.data_ended.format(step=completed_step, found=self.pipeline.step))
        if info is not None and self.pipeline.step > completed_step:
            self.checkpointer.save_pipeline(is_best=False)
            if self.pipeline.step not in self.scores:
                self._save_checkpoint(info, is_evaluated=False)

    def _seconds(self) -> float:
        return self.seconds_before + time.monotonic() - self.start_time

    def _restore(self, checkpoint: TrainingCheckpoint, info: dict[str, Any], *, is_evaluated: bool) -> None:
        """Restore weights, moments, losses and RNG states after the last replayed step.

        RAISES BertNerError: the checkpoint's parameters do not match the pipeline.
        """
        load_state_dict(self.nlp, self.optimizer, self.frozen, checkpoint.tensors, checkpoint.numbers)
        self.nlp.meta["performance"] = checkpoint.performance
        if not is_evaluated and self.workers.is_first:  # saved losses combine all workers
            info["losses"].update({name: _loss(*value) for name, value in checkpoint.losses.items()})
        if rng_state := checkpoint.rng_state(f"worker/{self.workers.rank}"):
            set_rng_state(rng_state)
        elif self.workers.rank:  # the checkpoint was written by fewer workers
            torch.manual_seed(torch.initial_seed() + self.workers.rank + checkpoint.step)
        self.checkpoint = None  # free its tensors
        self.start_time = time.monotonic()
        self.checkpointer.restart_interval()

    def _save_checkpoint(self, info: dict[str, Any], *, is_evaluated: bool) -> None:
        if self.output is None:
            return
        losses = {} if is_evaluated else dict(info["losses"])
        self._reduce_losses(losses)
        self.checkpointer.save_checkpoint(info["step"], seconds=self._seconds(), scores=self.scores, losses=losses)

    def _reduce_losses(self, losses: dict[str, float]) -> None:
        """Replace each mean loss with the mean over all workers."""
        if self.workers.world_size == 1:
            return
        # A worker with an empty shard has no loss or a loss with weight 0.
        names = [name for name, _ in trainable(self.nlp, self.frozen)]
        means = [losses.get(name, WeightedMean()) for name in names]
        totals = torch.tensor(
            [[float(loss) * _weight(loss), _weight(loss)] for loss in means],
            dtype=torch.float64,
            device=self.workers.device,
        )
        self.workers.all_reduce([totals])
        for name, (total, weight) in zip(names, totals.tolist(), strict=True):
            losses[name] = WeightedMean(total / weight if weight else 0.0, weight)


def _weight(loss: float) -> float:
    return float(getattr(loss, "weight", 1.0))


def _loss(value: float, weight: float | None) -> float:
    return value if weight is None else WeightedMean(value, weight)
