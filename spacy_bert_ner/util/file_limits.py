"""What is refused of files before they are read: those that are no files, those that are too large, and counts by which
transformers would make lists or layers without end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, Errors

MOST_TAGS = 4096
"""Tags of a head: of 1,000 labels in any scheme."""
MOST_LABELS = 1000
"""Labels that a saved component may have been given by `add_label`."""
MOST_PARTS = 1000
"""Layers, groups of them, and experts: what a config may ask for before it is known whether the weights have them."""
MOST_BYTES = {"config.json": 16_000_000, "tokenizer.json": 128_000_000}
"""Of files in JSON, which take up to twenty times as much memory."""

_COUNT = re.compile(r"(num|n)_\w*(layers?|blocks?|groups?|experts?)|\w*_layers|block_sizes|inner_group_num|n_layer")


def irregular_files(folder: Path, *patterns: str) -> list[str]:
    """What in a folder is neither a file nor a folder, such as a device or a pipe, of which reading may never end.

    Links count as what they lead to; those that lead nowhere do not count.
    patterns: where to look; at any depth, if there is none.
    """
    paths = [path for pattern in patterns or ("**/*",) for path in folder.glob(pattern)]
    found = [path for path in paths if not path.is_file() and not path.is_dir() and path.exists()]
    return sorted(path.relative_to(folder).as_posix() for path in found)


def check_files(name: str, folder: Path) -> None:
    """Refuse a folder of a checkpoint with what is no file, or with JSON that is too large.

    name (str): of the checkpoint, for messages.
    RAISES CheckpointError: it names the file.
    """
    strange = irregular_files(folder, "*", "*/*")  # deeper than that nothing is read
    if strange:
        raise CheckpointError(Errors.irregular_file.format(folder=folder, file=strange[0]))
    for path in sorted(folder.glob("*.json")):
        is_config = path.name.endswith(("config.json", "map.json", "index.json"))
        most = MOST_BYTES["config.json" if is_config else "tokenizer.json"]
        if path.is_file() and path.stat().st_size > most:
            size = {"size": path.stat().st_size, "most": most}
            raise CheckpointError(Errors.file_too_large.format(name=name, file=path.name, **size))


def check_counts(name: str, config: dict[str, Any]) -> None:
    """Refuse a config with too many labels or layers.

    RAISES CheckpointError: it names the setting.
    """
    for key, value in _counts(config):
        if key in ("id2label", "label2id", "num_labels") and value > MOST_TAGS:
            raise CheckpointError(Errors.too_many_tags.format(name=name, key=key, n=value, most=MOST_TAGS))
        if _COUNT.fullmatch(key) and value > MOST_PARTS:
            found = f"{key} = {value}, where up to {MOST_PARTS:,} are allowed"
            raise CheckpointError(Errors.too_large.format(name=name, found=found))


def _counts(config: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Settings that are numbers, or whose length is one, at any depth of tables."""
    waiting = [config]
    while waiting:
        for key, value in waiting.pop().items():
            if isinstance(value, dict):
                waiting.append(value)
                yield key, len(value)
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, int):
                    yield key, one
