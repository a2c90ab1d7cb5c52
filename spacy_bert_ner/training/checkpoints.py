"""States of a training, to go on from: each a folder that is there whole or not at all. Nothing in it is pickled."""

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

STATES = "states"
"""The folder of them, in that of the training."""
NUMBERS, TENSORS = "state.json", "state.safetensors"
VERSION = 1
_NAME = re.compile(r"\d{8,}")


@dataclass
class TrainingCheckpoint:
    """All that a training is at the end of a step.

    step (int): the last that is done, from 0 on.
    seconds (float): that it has taken.
    scores: of each evaluation, by its step; the best of them, and the patience, follow from these.
    losses: since the last evaluation, by component: the mean and its weight; None for a plain sum.
    performance: what the pipeline tells of its scores.
    numbers: see `optimizer_state.state_dict`.
    told: what it was begun with, see `fingerprint.describe`.
    tensors: weights and moments; where random generators are, of the data as `data/...`, of worker i as `worker/i/...`.
    """

    step: int
    seconds: float
    scores: dict[int, float]
    losses: dict[str, tuple[float, float | None]]
    performance: dict[str, Any]
    numbers: dict[str, Any]
    told: dict[str, Any]
    tensors: dict[str, torch.Tensor] = field(repr=False)

    def random_of(self, who: str) -> dict[str, torch.Tensor]:
        """The states of somebody's random generators; empty if none were kept."""
        beginning = f"{who}/"
        return {name[len(beginning) :]: value for name, value in self.tensors.items() if name.startswith(beginning)}


def write_checkpoint(output: Path, state: TrainingCheckpoint, keep: int) -> Path:
    """Write a state, and then delete all but the newest `keep`.

    RETURNS: its folder.
    RAISES OSError: it could not be written; what was there is still there.
    """
    folder = output / STATES / f"{state.step:08d}"
    numbers = {key: value for key, value in vars(state).items() if key != "tensors"}
    with atomic_folder(folder) as temporary:
        safetensors.torch.save_file(state.tensors, temporary / TENSORS)
        (temporary / NUMBERS).write_text(json.dumps({"version": VERSION, **numbers}), encoding="utf8")
        write_sums(temporary)
    for older in _folders(output)[keep:]:
        shutil.rmtree(older, ignore_errors=True)
    return folder


def mark_begun(output: Path) -> None:
    """Make the folder of checkpoints before the first pipeline is written.

    A training that is killed before its first checkpoint is thereby known from one of `spacy train`, which keeps none.
    """
    (output / STATES).mkdir(exist_ok=True)


def was_begun(output: Path) -> bool:
    """Whether a training with checkpoints began in this folder, even if it wrote none."""
    return (output / STATES).is_dir()


def has_checkpoints(output: Path) -> bool:
    """Whether there is a state, be it damaged."""
    return bool(_folders(output))


def latest_checkpoint(output: Path, tell: Callable[[str], object] = lambda told: None) -> Path | None:
    """The folder of the newest state that is whole; None where there never was one.

    tell: is told of each damaged one that is passed over.
    RAISES BertNerError: all are damaged.
    """
    folders = _folders(output)
    if (output / STATES).is_dir():
        remove_stale_temp(output / STATES)
    for folder in folders:
        try:
            check_sums(folder)
            if not (folder / NUMBERS).is_file():  # without any file there is nothing to check
                raise BertNerError(Errors.no_such_file.format(path=folder / NUMBERS))
            return folder
        except (BertNerError, OSError) as e:
            tell(Errors.state_damaged.format(folder=folder, reason=e))
    if folders:
        raise BertNerError(Errors.no_whole_state.format(folder=output / STATES, output=output))
    return None


def read_checkpoint(folder: Path) -> TrainingCheckpoint:
    """Read a state that was found to be whole.

    RAISES BertNerError: another version of this package wrote it.
    """
    with _reading(folder):
        numbers = _numbers(folder)
        numbers["scores"] = {int(step): score for step, score in numbers["scores"].items()}
        return TrainingCheckpoint(**numbers, tensors=safetensors.torch.load_file(folder / TENSORS))


def read_told(folder: Path) -> dict[str, Any]:
    """What the training of a state was begun with, without its tensors. RAISES BertNerError: see `read`."""
    with _reading(folder):
        told: dict[str, Any] = _numbers(folder)["told"]
        return told


def _numbers(folder: Path) -> dict[str, Any]:
    numbers: dict[str, Any] = json.loads((folder / NUMBERS).read_text(encoding="utf8"))
    if numbers.pop("version") != VERSION:
        raise ValueError(Errors.state_version)
    return numbers


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise BertNerError(Errors.bad_state.format(folder=folder, reason=e)) from e


def _folders(output: Path) -> list[Path]:
    """From the newest to the oldest."""
    folder = output / STATES
    found = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(found, key=lambda path: int(path.name), reverse=True)
