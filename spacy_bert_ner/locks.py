"""What is refused of a checkpoint in a folder before transformers opens it: pickles, code, paths, and sizes that its
weights do not have."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from safetensors import safe_open

from .errors import CheckpointError, Errors
from .opening import is_folder

WEIGHTS = "model.safetensors"
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.h5", "*.msgpack")
"""Weights that are not safetensors; most of them run code when they are read."""

CONFIGS = ("config.json", "tokenizer_config.json")

SPARE = 1_000_000
"""Parameters that a model may have beside twice those of its file: a new head, or a layer that was left out."""


def check_folder(name: str) -> None:
    """Refuse what could do harm.

    name (str): the folder; of other names transformers makes sure.
    RAISES CheckpointError: weights are pickled only; a config names code; or an index of weights names files elsewhere.
    """
    if not is_folder(name):
        return
    folder = Path(name)
    for config in CONFIGS:
        content = _read(folder / config)
        if isinstance(content, dict) and content.get("auto_map"):
            raise CheckpointError(Errors.custom_code.format(name=name, file=config, found=content["auto_map"]))
    index = _read(folder / f"{WEIGHTS}.index.json")
    files = index.get("weight_map") if isinstance(index, dict) else None
    for file in sorted(set(map(str, files.values()))) if isinstance(files, dict) else ():
        if PurePosixPath(file.replace("\\", "/")).name != file:
            raise CheckpointError(Errors.weights_elsewhere.format(name=name, file=file))
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(path.name for kind in PICKLES for path in folder.glob(kind))
        if pickles:
            raise CheckpointError(Errors.pickled.format(name=name, found=", ".join(pickles)))


def check_size(name: str, config: Any, build: Callable[[Any], Any]) -> None:
    """Refuse a config that asks for far more than the weights beside it hold, before memory is asked for.

    name (str): the folder; without safetensors in it, nothing is checked.
    config: of transformers.
    build: makes a model of a config.
    RAISES CheckpointError: it has more layers than there are tensors, or more than twice the parameters.
    """
    n_tensors = n_weights = 0
    if not is_folder(name):
        return
    for path in Path(name).glob("*.safetensors"):
        with safe_open(path, framework="np") as file:
            for key in file.keys():  # noqa: SIM118 - it is no dict
                n_tensors += 1
                n_weights += math.prod(file.get_slice(key).get_shape())
    if not n_tensors:
        return
    n_layers = getattr(config, "num_hidden_layers", 0)
    if isinstance(n_layers, int) and n_layers > n_tensors:
        found = f"num_hidden_layers = {n_layers}, where the weights are {n_tensors} tensors"
        raise CheckpointError(Errors.too_large.format(name=name, found=found))
    with torch.device("meta"):  # which takes no memory
        asked = sum(parameter.numel() for parameter in build(config).parameters())
    if asked > 2 * n_weights + SPARE:
        found = f"{asked:,} weights, where there are {n_weights:,}"
        raise CheckpointError(Errors.too_large.format(name=name, found=found))


def _read(path: Path) -> Any:
    """What a JSON file holds; None where it is not there or cannot be read, which transformers then says."""
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError, RecursionError):
        return None
