"""Record the inputs of a training run, and list what has changed when the run is resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..util.atomic_io import sha256_of
from ..util.provenance import versions

Fingerprint = dict[str, dict[str, Any]]
"""Settings under `config`, file checksums under `files` and package versions under `versions`."""
_SECTIONS = ("paths.", "corpora.", "initialize.")
"""Config sections that specify data files and folders."""


def describe(config: Mapping[str, Any], *files: Path) -> Fingerprint:
    """Return the fingerprint of a training run: its settings, file checksums and package versions.

    config: the interpolated config. Each setting is recorded under its dotted path.
    files (Path): additional files to record, besides those specified in the config. The fingerprint contains the
        SHA-256 checksum of each file.
    RETURNS: the JSON-serializable fingerprint.
    RAISES OSError: a file cannot be read.
    """
    settings = json.loads(json.dumps(dict(_leaves("", config)), default=str))
    data_paths = {value for key, value in settings.items() if isinstance(value, str) and value and _names_data(key)}
    checksums = dict(pair for path in sorted({*map(Path, data_paths), *files}) for pair in _checksums(path))
    return {"config": settings, "files": checksums, "versions": versions()}


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, child in value.items():
            yield from _leaves(f"{key}.{name}" if key else str(name), child)
    else:
        yield key, value


def _names_data(key: str) -> bool:
    return key.startswith(_SECTIONS) or (key.startswith("components.") and key.endswith(".model.name"))


def _checksums(path: Path) -> Iterator[tuple[str, str]]:
    if path.is_file():
        yield str(path), sha256_of(path)
    elif path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file():
                yield str(file), sha256_of(file)


def differences(before: Fingerprint, now: Fingerprint) -> list[str]:
    """List the differences between two fingerprints, one line for each difference.

    before: the fingerprint in the training checkpoint.
    now: the fingerprint of the resumed run.
    RETURNS: the lines, or an empty list if the fingerprints are equal.
    """
    lines = []
    for part in ("config", "files", "versions"):
        old, new = before.get(part, {}), now.get(part, {})
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) == new.get(key) and (key in old) == (key in new):
                continue
            if part == "files":
                change = "was modified" if key in old and key in new else "was removed" if key in old else "was added"
                lines.append(f"{key} {change}")
            else:
                values = [json.dumps(table[key]) if key in table else "not set" for table in (old, new)]
                lines.append(f"{key} was {values[0]} and is now {values[1]}")
    return lines


def digest(fingerprint: Fingerprint) -> bytes:
    """Return the SHA-256 digest of a fingerprint. Workers compare digests to check that their inputs match."""
    return sha256(json.dumps(fingerprint, sort_keys=True).encode()).digest()
