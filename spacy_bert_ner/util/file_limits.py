"""Reject irregular files, oversized files and configs with excessive counts before they are used.

Excessive counts in a config would make `transformers` create huge lists or too many layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, Errors

MOST_TAGS = 4096
"""Maximum number of tags in a head. It allows 1,000 labels in any scheme."""
MOST_LABELS = 1000
"""Maximum number of labels that `add_label` may have added to a saved component."""
MOST_PARTS = 1000
"""Maximum number of layers, layer groups or experts in a config.

This limit is checked before the config is compared with the weights.
"""
MOST_BYTES = {"config.json": 16_000_000, "tokenizer.json": 128_000_000}
"""Maximum sizes of JSON files in bytes. In memory, they take up to twenty times as much space."""

_COUNT = re.compile(r"(num|n)_\w*(layers?|blocks?|groups?|experts?)|\w*_layers|block_sizes|inner_group_num|n_layer")


def irregular_files(folder: Path, *patterns: str) -> list[str]:
    """List the entries in a folder that are neither files nor folders, such as devices and pipes.

    Reading such an entry might never end. Links are followed, and links without a target are not listed.

    folder (Path): folder to search.
    patterns (str): glob patterns to search for. Default: all entries at any depth.
    RETURNS (list[str]): sorted paths relative to the folder.
    """
    paths = [path for pattern in patterns or ("**/*",) for path in folder.glob(pattern)]
    irregular = [path for path in paths if not path.is_file() and not path.is_dir() and path.exists()]
    return sorted(path.relative_to(folder).as_posix() for path in irregular)


def check_files(name: str, folder: Path) -> None:
    """Reject a checkpoint folder with irregular files or oversized JSON files.

    name (str): name of the checkpoint, for messages.
    folder (Path): folder of the checkpoint.
    RAISES CheckpointError: a file is irregular or too large. The message names the file.
    """
    irregular = irregular_files(folder, "*", "*/*")  # files at greater depths are never read
    if irregular:
        raise CheckpointError(Errors.irregular_file.format(folder=folder, file=irregular[0]))
    for path in sorted(folder.glob("*.json")):
        is_config = path.name.endswith(("config.json", "map.json", "index.json"))
        limit = MOST_BYTES["config.json" if is_config else "tokenizer.json"]
        if path.is_file() and path.stat().st_size > limit:
            size = {"size": path.stat().st_size, "most": limit}
            raise CheckpointError(Errors.file_too_large.format(name=name, file=path.name, **size))


def check_counts(name: str, config: dict[str, Any]) -> None:
    """Reject a config with too many tags, layers, layer groups or experts.

    name (str): name of the checkpoint, for messages.
    config (dict[str, Any]): parsed content of `config.json`.
    RAISES CheckpointError: a count is too large. The message names the setting.
    """
    for key, value in _counts(config):
        if key in ("id2label", "label2id", "num_labels") and value > MOST_TAGS:
            raise CheckpointError(Errors.too_many_tags.format(name=name, key=key, n=value, most=MOST_TAGS))
        if _COUNT.fullmatch(key) and value > MOST_PARTS:
            excess = f"{key} = {value}, but at most {MOST_PARTS:,} is allowed"
            raise CheckpointError(Errors.too_large.format(name=name, found=excess))


def _counts(config: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield the name and value of each integer setting, and the name and length of each table, at any depth."""
    tables = [config]
    while tables:
        for key, value in tables.pop().items():
            if isinstance(value, dict):
                tables.append(value)
                yield key, len(value)
            for number in value if isinstance(value, list) else [value]:
                if isinstance(number, int):
                    yield key, number
