"""Write pipelines and training checkpoints during a run with one or more workers."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from spacy.language import Language
from spacy.training.loop import DIR_MODEL_BEST, DIR_MODEL_LAST, create_before_to_disk_callback
from thinc.api import Optimizer

from ..errors import BertNerError, Errors, format_exception
from ..util import rng
from ..util.atomic_io import atomic_folder
from . import training_checkpoints
from .distributed import ProcessGroup
from .fingerprint import Fingerprint
from .optimizer_state import state_dict
from .training_checkpoints import TrainingCheckpoint


@dataclass(frozen=True)
class CheckpointPolicy:
    """The policy for writing and keeping training checkpoints.

    newest (int): number of newest checkpoints to keep. Default: 2.
    minutes (float): time between checkpoints in minutes. A checkpoint is also written at each evaluation. 0 writes
        checkpoints only at evaluations. Default: 10.
    """

    newest: int = 2
    minutes: float = 10.0


class Checkpointer:
    """A writer for `model-last`, `model-best` and `checkpoints`. Only the worker with rank 0 writes files.

    nlp (Language): the pipeline to train.
    optimizer (Optimizer): the optimizer for the pipeline.
    output (Path | None): output folder, or None to write nothing.
    workers (ProcessGroup): the group of training processes.
    policy (CheckpointPolicy): policy for writing and keeping training checkpoints.
    frozen: names of the components that are not trained.
    fingerprint: fingerprint of the run's inputs; see `fingerprint.describe`.
    data_rng: random number generator (RNG) states before any data was read. A resumed run uses them to replay the data.
    before_to_disk: callback from `[training.before_to_disk]`, or None.
    """

    def __init__(
        self,
        nlp: Language,
        optimizer: Optimizer,
        output: Path | None,
        workers: ProcessGroup,
        policy: CheckpointPolicy,
        *,
        frozen: Sequence[str],
        fingerprint: Fingerprint,
        data_rng: Mapping[str, torch.Tensor],
        before_to_disk: Callable[[Language], Language] | None,
    ) -> None:
        self.nlp, self.optimizer, self.output = nlp, optimizer, output
        self.workers, self.policy = workers, policy
        self.frozen, self.fingerprint, self.data_rng = frozen, fingerprint, data_rng
        self.before_to_disk = before_to_disk
        self.last_time = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Return whether the time between checkpoints has passed."""
        return 0 < self.policy.minutes * 60 <= time.monotonic() - self.last_time

    def restart_interval(self) -> None:
        """Restart the timer for the next checkpoint."""
        self.last_time = time.monotonic()

    def save_pipeline(self, *, is_best: bool) -> None:
        """Write `model-last`, with averaged weights if the optimizer keeps them.

        is_best (bool): whether to copy the pipeline to `model-best`.
        RAISES BertNerError: the pipeline cannot be written. Existing pipelines remain unchanged.
        """
        output = self.output
        if output is not None:
            self.workers.on_rank_zero(lambda: self._write_pipeline(output, is_best=is_best))

    def _write_pipeline(self, output: Path, *, is_best: bool) -> None:
        last = output / DIR_MODEL_LAST
        with _translate_write_errors(output), self.nlp.use_params(self.optimizer.averages or {}):
            with atomic_folder(last) as temporary:
                create_before_to_disk_callback(self.before_to_disk)(self.nlp).to_disk(temporary)
            if is_best:
                with atomic_folder(output / DIR_MODEL_BEST) as temporary:
                    shutil.copytree(last, temporary, dirs_exist_ok=True)

    def save_checkpoint(
        self, step: int, *, seconds: float, scores: dict[int, float], losses: Mapping[str, float]
    ) -> None:
        """Write a training checkpoint, then delete old checkpoints.

        step (int): number of the last completed step.
        seconds (float): training time so far, in seconds.
        scores: evaluation scores by step.
        losses: losses since the last evaluation by component, combined over all workers.
        RAISES BertNerError: the checkpoint cannot be written. Existing checkpoints remain unchanged.
        """
        output = self.output
        if output is None:
            return
        worker_rngs = self.workers.gather(safetensors.torch.save(rng.get_rng_state()))

        def write() -> None:
            tensors, numbers = state_dict(self.nlp, self.optimizer, self.frozen)
            tensors |= {f"data/{name}": value for name, value in self.data_rng.items()}
            for rank, data in enumerate(worker_rngs):
                tensors |= {f"worker/{rank}/{name}": value for name, value in safetensors.torch.load(data).items()}
            checkpoint = TrainingCheckpoint(
                step=step,
                seconds=seconds,
                scores=scores,
                losses={name: (float(loss), getattr(loss, "weight", None)) for name, loss in losses.items()},
                performance=self.nlp.meta.get("performance", {}),
                numbers=numbers,
                fingerprint=self.fingerprint,
                tensors=tensors,
            )
            with _translate_write_errors(output):
                training_checkpoints.write_checkpoint(output, checkpoint, self.policy.newest)

        self.workers.on_rank_zero(write)
        self.restart_interval()


@contextmanager
def _translate_write_errors(output: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, SafetensorError) as e:
        raise BertNerError(Errors.output_not_written.format(output=output, reason=format_exception(e))) from e
