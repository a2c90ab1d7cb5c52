"""Write and read training checkpoints.

Each checkpoint is a folder that is written atomically and contains the checksums of its files. It contains no pickled
data.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from ..errors import BertNerError, Errors
from ..util.atomic_io import atomic_folder, remove_stale_temp
from ..util.checksums import check_sums, write_sums

CHECKPOINTS = "checkpoints"
"""Name of the training checkpoint folder inside the run's output folder."""
NUMBERS, TENSORS = "state.json", "state.safetensors"
VERSION = 1
_NAME = re.compile(r"\d{8,}")


@dataclass
class TrainingCheckpoint:
    """The complete state of a training run at the end of a step.

    step (int): number of the last completed step, counted from 0.
    seconds (float): training time so far, in seconds.
    scores: evaluation scores by step. The best score and the patience are derived from them.
    losses: losses since the last evaluation, by component. Each is a pair of mean and weight. The weight is None if the
        loss is a plain sum.
    performance: scores from the pipeline's metadata, `nlp.meta["performance"]`.
    numbers: update counts and gradient scalers; see `optimizer_state.state_dict`.
    fingerprint: fingerprint of the run's inputs; see `fingerprint.describe`.
    tensors: weights and moments by name; see `optimizer_state.state_dict`. The names of random number generator (RNG)
        states begin with `data/` for the data and with `worker/<rank>/` for each worker.
    """

    step: int
    seconds: float
    scores: dict[int, float]
    losses: dict[str, tuple[float, float | None]]
    performance: dict[str, Any]
    numbers: dict[str, Any]
    fingerprint: dict[str, Any]
    tensors: dict[str, torch.Tensor] = field(repr=False)

    def rng_state(self, owner: str) -> dict[str, torch.Tensor]:
        """Return the RNG states for the data or for one worker.

        owner (str): "data" or "worker/<rank>".
        RETURNS: the states in the format of `rng.get_rng_state`, or an empty dictionary if there are none.
        """
        prefix = f"{owner}/"
        return {name.removeprefix(prefix): value for name, value in self.tensors.items() if name.startswith(prefix)}


def write_checkpoint(output: Path, checkpoint: TrainingCheckpoint, keep: int) -> Path:
    """Write a training checkpoint, then delete all but the newest `keep` checkpoints.

    output (Path): output folder of the run.
    checkpoint (TrainingCheckpoint): the checkpoint to write.
    keep (int): number of checkpoints to keep, at least 1.
    RETURNS: the checkpoint folder.
    RAISES OSError: the checkpoint cannot be written. Existing checkpoints remain unchanged.
    """
    folder = output / CHECKPOINTS / f"{checkpoint.step:08d}"
    numbers = {key: value for key, value in vars(checkpoint).items() if key != "tensors"}
    with atomic_folder(folder) as temporary:
        safetensors.torch.save_file(checkpoint.tensors, temporary / TENSORS)
        (temporary / NUMBERS).write_text(json.dumps({"version": VERSION, **numbers}), encoding="utf8")
        write_sums(temporary)
    for older in _newest_first(output)[keep:]:
        shutil.rmtree(older, ignore_errors=True)
    return folder


def mark_started(output: Path) -> None:
    """Create the training checkpoint folder before the first pipeline is written.

    A run can be killed before its first checkpoint. The folder distinguishes such a run from a `spacy train` run, which
    writes no checkpoints.

    output (Path): output folder of the run.
    """
    (output / CHECKPOINTS).mkdir(exist_ok=True)


def has_started(output: Path) -> bool:
    """Return whether `mark_started` was called for this folder, even if no training checkpoint was written."""
    return (output / CHECKPOINTS).is_dir()


def has_checkpoints(output: Path) -> bool:
    """Return whether the output folder contains a training checkpoint, even if it is damaged."""
    return bool(_newest_first(output))


def latest_checkpoint(output: Path, warn: Callable[[str], object] = lambda message: None) -> Path | None:
    """Find the newest complete and undamaged training checkpoint.

    output (Path): output folder of the run.
    warn: function that receives a message about each damaged checkpoint that is skipped. Default: ignore messages.
    RETURNS: the checkpoint folder, or None if no checkpoint has been written.
    RAISES BertNerError: all checkpoints are damaged.
    """
    folders = _newest_first(output)
    if (output / CHECKPOINTS).is_dir():
        remove_stale_temp(output / CHECKPOINTS)
    for folder in folders:
        try:
            check_sums(folder)
            if not (folder / NUMBERS).is_file():  # `check_sums` accepts an empty folder
                raise BertNerError(Errors.no_such_file.format(path=folder / NUMBERS))
            return folder
        except (BertNerError, OSError) as e:
            warn(Errors.training_checkpoint_skipped.format(folder=folder, reason=e))
    if folders:
        raise BertNerError(Errors.training_checkpoints_damaged.format(folder=output / CHECKPOINTS, output=output))
    return None


def read_checkpoint(folder: Path) -> TrainingCheckpoint:
    """Read a training checkpoint that `latest_checkpoint` has verified.

    folder (Path): the checkpoint folder.
    RETURNS: the checkpoint.
    RAISES BertNerError: the checkpoint cannot be read or has an incompatible format version.
    """
    with _translate_read_errors(folder):
        numbers = _read_numbers(folder)
        numbers["scores"] = {int(step): score for step, score in numbers["scores"].items()}
        return TrainingCheckpoint(**numbers, tensors=safetensors.torch.load_file(folder / TENSORS))


def read_fingerprint(folder: Path) -> dict[str, Any]:
    """Read the fingerprint from a training checkpoint without loading its tensors.

    folder (Path): the checkpoint folder.
    RETURNS: the fingerprint; see `fingerprint.describe`.
    RAISES BertNerError: see `read_checkpoint`.
    """
    with _translate_read_errors(folder):
        fingerprint: dict[str, Any] = _read_numbers(folder)["fingerprint"]
        return fingerprint


def _read_numbers(folder: Path) -> dict[str, Any]:
    numbers: dict[str, Any] = json.loads((folder / NUMBERS).read_text(encoding="utf8"))
    if numbers.pop("version") != VERSION:
        raise ValueError(Errors.training_checkpoint_version)
    return numbers


@contextmanager
def _translate_read_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise BertNerError(Errors.training_checkpoint_unreadable.format(folder=folder, reason=e)) from e


def _newest_first(output: Path) -> list[Path]:
    folder = output / CHECKPOINTS
    checkpoints = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(checkpoints, key=lambda path: int(path.name), reverse=True)
