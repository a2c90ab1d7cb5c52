"""What is refused of a checkpoint before transformers opens it: pickles, code, paths, and sizes that its
weights do not have."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from safetensors import safe_open

from ..errors import CheckpointError, Errors
from ..util.file_limits import check_counts, check_files
from .config_allowlist import check_settings, own_files
from .tokenizer_safety import check_tokenizer

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
"""Of weights in several files."""

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.h5", "*.msgpack")
"""Weights that are not safetensors; most of them run code when they are read."""
NO_WEIGHTS = {"training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth"}
"""What training leaves, which nothing here reads."""

CONFIG = "config.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
CONFIGS = (CONFIG, TOKENIZER_CONFIG, "special_tokens_map.json", "generation_config.json")
ADAPTER = "adapter_config.json"
"""Of weights that transformers puts on the others, pickled ones too, where peft is installed, and there alone."""

SPARE = 1_000_000
"""Parameters that a model may have beside twice those of its file: a new head, or a layer that was left out."""

Shape = tuple[int, ...]


def reject_unsafe_files(
    name: str,
    folder: Path,
    names: Collection[str] | None = None,
    *,
    commit: str | None = None,
    reads_weights: bool = True,
) -> None:
    """Refuse what could do harm.

    name (str): of the checkpoint, for messages.
    folder (Path): where its configs are.
    names (Collection[str] | None): the files of its repository, which need not be there yet; None for those there.
    commit (str | None): of its repository on the Hub.
    reads_weights (bool): whether weights for torch are read. Pickled ones are no harm beside an ONNX graph.
    RAISES CheckpointError: something is no file, or too large, see `size_locks`; weights are pickled only; a config
        names code or files, see `check_settings`; a tokenizer would do harm, see `check_tokenizer`; weights are named
        that lie elsewhere; or there is an adapter beside them.
    """
    check_files(name, folder)
    for file in CONFIGS:
        check_settings(name, file, _read(folder / file))
    for path in sorted(folder.glob("tokenizer*.json")):
        if path.name != TOKENIZER_CONFIG:
            check_tokenizer(name, path.name, _read(path))
    config = _read(folder / CONFIG)
    if not isinstance(config, dict):
        config = {}
    check_counts(name, config)
    # transformers takes the name of its weights from there too.
    named = [(INDEX, file) for file in shards(folder)]
    named += [(CONFIG, str(config["transformers_weights"]))] if config.get("transformers_weights") else []
    for source, file in named:
        if PurePosixPath(file.replace("\\", "/")).name != file or not file.endswith(".safetensors"):
            raise CheckpointError(Errors.weights_elsewhere.format(name=name, source=source, file=file))
    names = [path.name for path in folder.iterdir()] if names is None else names
    if ADAPTER in names:
        raise CheckpointError(Errors.adapter.format(name=name, file=ADAPTER))
    pickles = _pickles(names)
    if reads_weights and pickles and not {WEIGHTS, INDEX}.intersection(names):
        trained = any(str(a).endswith("ForTokenClassification") for a in config.get("architectures") or ())
        cls = "AutoModelForTokenClassification" if trained else "AutoModel"
        found = {"name": name, "found": ", ".join(pickles), "cls": cls, "folder": name.rpartition("/")[2]}
        message = Errors.pickled if commit is None else Errors.pickled_on_hub
        raise CheckpointError(message.format(**found, commit=commit))


def tokenizer_files(folder: Path) -> dict[str, str | None]:
    """The files that the config of a tokenizer names, as they lie in its own folder; see `own_files`."""
    return own_files(folder, _read(folder / TOKENIZER_CONFIG))


def has_weights(folder: Path) -> bool:
    """Whether a folder holds weights for torch, be they safetensors or pickled."""
    names = {path.name for path in folder.iterdir()}
    return bool({WEIGHTS, INDEX}.intersection(names) or _pickles(names))


def shards(folder: Path) -> list[str]:
    """The files that the index of a folder names, as it has them."""
    index = _read(folder / INDEX)
    files = index.get("weight_map") if isinstance(index, dict) else None
    return sorted(set(map(str, files.values()))) if isinstance(files, dict) else []


def weight_files(folder: Path) -> list[str]:
    """The files of a folder from which transformers reads weights."""
    return [WEIGHTS] if (folder / WEIGHTS).exists() else shards(folder)


def keys_in(folder: Path) -> set[str]:
    """The names of the weights that transformers reads in a folder."""
    keys: set[str] = set()
    for file in weight_files(folder):
        with safe_open(folder / file, framework="np") as opened:
            keys.update(opened.keys())
    return keys


def shapes_in(folder: Path) -> list[Shape]:
    """Of all weights in a folder."""
    shapes: list[Shape] = []
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="np") as file:
            shapes += [tuple(file.get_slice(key).get_shape()) for key in file.keys()]  # noqa: SIM118 - it is no dict
    return shapes


def reject_oversized_config(name: str, config: Any, build: Callable[[Any], Any], shapes: Sequence[Shape]) -> None:
    """Refuse a config that asks for far more than the weights beside it hold, before memory is asked for.

    name (str): of the checkpoint, for messages.
    config: of transformers.
    build: makes a model of a config.
    shapes: of the weights; without any, nothing is checked.
    RAISES CheckpointError: it has more layers than there are tensors, or more than twice the parameters.
    """
    if not shapes:
        return
    n_layers, n_weights = getattr(config, "num_hidden_layers", 0), sum(map(math.prod, shapes))
    n_tensors = sum(math.prod(shape) > 0 for shape in shapes)
    if isinstance(n_layers, int) and n_layers > n_tensors:
        found = f"num_hidden_layers = {n_layers}, where the weights are {n_tensors} tensors"
        raise CheckpointError(Errors.too_large.format(name=name, found=found))
    with torch.device("meta"):  # which takes no memory
        asked = sum(parameter.numel() for parameter in build(config).parameters())
    if asked > 2 * n_weights + SPARE:
        found = f"{asked:,} weights, where there are {n_weights:,}"
        raise CheckpointError(Errors.too_large.format(name=name, found=found))


def _pickles(names: Collection[str]) -> list[str]:
    """The names of files with weights that are not safetensors."""
    return sorted(file for file in set(names) - NO_WEIGHTS if any(fnmatchcase(file, kind) for kind in PICKLES))


def _read(path: Path) -> Any:
    """What a JSON file holds; None where it is not there or cannot be read, which transformers then says."""
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError, RecursionError):
        return None
