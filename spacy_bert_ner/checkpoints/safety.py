"""Check a checkpoint for pickles, code, unsafe paths and oversized configs before `transformers` loads it."""

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
from ..util.pipeline_safety import is_pipeline
from .config_allowlist import check_settings, own_files
from .tokenizer_safety import check_tokenizer

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
"""Index of weights that are split into several files."""

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle", "*.h5", "*.msgpack")
"""Patterns for weight files in formats other than safetensors, most of which can run code when they are loaded."""

NOT_WEIGHTS = {"training_args.bin", "optimizer.pt", "scheduler.pt", "rng_state.pth"}
"""Leftovers from training that this package never reads."""

CONFIG = "config.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
CONFIGS = (CONFIG, TOKENIZER_CONFIG, "special_tokens_map.json", "generation_config.json")
ADAPTER = "adapter_config.json"
"""Config of an adapter. If `peft` is installed, `transformers` adds the adapter's weights, even if they are pickled."""

EXTRA_PARAMETERS = 1_000_000
"""Number of parameters by which a model may exceed twice the number in its file.

This margin allows for a new head or a layer that was not saved.
"""

Shape = tuple[int, ...]


def reject_unsafe_files(
    name: str,
    folder: Path,
    names: Collection[str] | None = None,
    *,
    commit: str | None = None,
    reads_weights: bool = True,
) -> None:
    """Reject a checkpoint that contains harmful files.

    name (str): name of the checkpoint, for messages.
    folder (Path): folder that contains its configs.
    names (Collection[str] | None): file names in its Hub repository, whether downloaded or not; None for the files in
        the folder.
    commit (str | None): commit of its Hub repository; None for a local folder.
    reads_weights (bool): whether weights for `torch` are loaded. If an ONNX graph is run instead, pickles are harmless.
    RAISES CheckpointError: the checkpoint contains an adapter, only pickled weights, an irregular or oversized file, an
        unsafe tokenizer, or a config that names code, files or weights outside the folder. See `file_limits`,
        `check_settings` and `check_tokenizer`.
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
    # `transformers` also reads the name of the weight file from this key.
    references = [(INDEX, file) for file in shards(folder)]
    references += [(CONFIG, str(config["transformers_weights"]))] if config.get("transformers_weights") else []
    for source, file in references:
        if PurePosixPath(file.replace("\\", "/")).name != file or not file.endswith(".safetensors"):
            raise CheckpointError(Errors.weights_elsewhere.format(name=name, source=source, file=file))
    names = [path.name for path in folder.iterdir()] if names is None else names
    if ADAPTER in names:
        raise CheckpointError(Errors.adapter.format(name=name, file=ADAPTER))
    pickles = _pickles(names)
    if reads_weights and pickles and not {WEIGHTS, INDEX}.intersection(names):
        is_classifier = any(str(a).endswith("ForTokenClassification") for a in config.get("architectures") or ())
        cls = "AutoModelForTokenClassification" if is_classifier else "AutoModel"
        fields = {"name": name, "files": ", ".join(pickles), "cls": cls, "folder": name.rpartition("/")[2]}
        message = Errors.pickled if commit is None else Errors.pickled_on_hub
        raise CheckpointError(message.format(**fields, commit=commit))


def reject_pipeline(name: str, folder: Path) -> None:
    """Reject the folder of a saved pipeline, or of a component in one.

    name (str): name of the checkpoint, for messages.
    folder (Path): folder of the checkpoint.
    RAISES CheckpointError: the folder is not a checkpoint. The message lists the checkpoints inside the folder.
    """
    if (folder / CONFIG).exists():
        return
    configs = [*folder.glob(f"model/{CONFIG}"), *sorted(folder.glob(f"*/model/{CONFIG}"))]
    inside = " or ".join(f'model = "{config.parent.as_posix()}"' for config in configs)
    use = Errors.checkpoint_inside.format(inside=inside) if inside else ""
    if is_pipeline(folder):
        raise CheckpointError(Errors.checkpoint_is_pipeline.format(name=name, use=use))
    if inside:
        raise CheckpointError(Errors.checkpoint_is_component.format(name=name, use=use))


def tokenizer_files(folder: Path) -> dict[str, str | None]:
    """Map the files that a folder's tokenizer config names to files in that folder; see `own_files`."""
    return own_files(folder, _read(folder / TOKENIZER_CONFIG))


def has_weights(folder: Path) -> bool:
    """Return whether a folder contains weights for `torch`, either safetensors or pickles."""
    names = {path.name for path in folder.iterdir()}
    return bool({WEIGHTS, INDEX}.intersection(names) or _pickles(names))


def shards(folder: Path) -> list[str]:
    """Return the names of the weight shards, exactly as they appear in a folder's index."""
    index = _read(folder / INDEX)
    files = index.get("weight_map") if isinstance(index, dict) else None
    return sorted(set(map(str, files.values()))) if isinstance(files, dict) else []


def weight_files(folder: Path) -> list[str]:
    """Return the names of the files in a folder from which `transformers` reads weights."""
    return [WEIGHTS] if (folder / WEIGHTS).exists() else shards(folder)


def keys_in(folder: Path) -> set[str]:
    """Return the names of the weights that `transformers` reads from a folder."""
    keys: set[str] = set()
    for file in weight_files(folder):
        with safe_open(folder / file, framework="np") as opened:
            keys.update(opened.keys())
    return keys


def shapes_in(folder: Path) -> list[Shape]:
    """Return the shapes of all safetensors weights in a folder."""
    shapes: list[Shape] = []
    for path in folder.glob("*.safetensors"):
        with safe_open(path, framework="np") as file:
            shapes += [tuple(file.get_slice(key).get_shape()) for key in file.keys()]  # noqa: SIM118 - not a dict
    return shapes


def reject_oversized_config(name: str, config: Any, build: Callable[[Any], Any], shapes: Sequence[Shape]) -> None:
    """Reject a config for a model that is far larger than the saved weights, before memory is allocated for the model.

    name (str): name of the checkpoint, for messages.
    config (Any): the `transformers` config.
    build (Callable[[Any], Any]): function that creates a model from a config.
    shapes (Sequence[Shape]): shapes of the weights. If there are none, nothing is checked.
    RAISES CheckpointError: the config specifies more layers than there are weight tensors, or more parameters than
        twice the number of weights plus `EXTRA_PARAMETERS`.
    """
    if not shapes:
        return
    n_layers, n_weights = getattr(config, "num_hidden_layers", 0), sum(map(math.prod, shapes))
    n_tensors = sum(math.prod(shape) > 0 for shape in shapes)
    if isinstance(n_layers, int) and n_layers > n_tensors:
        reason = f"num_hidden_layers = {n_layers}, but the weights consist of only {n_tensors} tensors"
        raise CheckpointError(Errors.too_large.format(name=name, found=reason))
    with torch.device("meta"):  # This allocates no memory.
        n_parameters = sum(parameter.numel() for parameter in build(config).parameters())
    if n_parameters > 2 * n_weights + EXTRA_PARAMETERS:
        reason = f"{n_parameters:,} weights, but the file contains only {n_weights:,}"
        raise CheckpointError(Errors.too_large.format(name=name, found=reason))


def _pickles(names: Collection[str]) -> list[str]:
    """Return the sorted names of the weight files that are not safetensors."""
    return sorted(file for file in set(names) - NOT_WEIGHTS if any(fnmatchcase(file, kind) for kind in PICKLES))


def _read(path: Path) -> Any:
    """Return the content of a JSON file, or None if it is missing or unreadable. `transformers` reports such files."""
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError, RecursionError):
        return None
