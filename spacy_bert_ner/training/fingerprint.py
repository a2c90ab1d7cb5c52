"""What a training was begun with, and what of it has changed when it is to go on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..util.atomic_io import sha256_of
from ..util.provenance import versions

Fingerprint = dict[str, dict[str, Any]]
_SECTIONS = ("paths.", "corpora.", "initialize.")
"""Of the config, where files and folders of data are named."""


def describe(config: Mapping[str, Any], *files: Path) -> Fingerprint:
    """The settings of a config, each by its path in it; the SHA-256 of the files that it names, and of `files`; and the
    versions of what trains.

    config: interpolated.
    RAISES OSError: a file cannot be read.
    """
    settings = json.loads(json.dumps(dict(_leaves("", config)), default=str))
    named = {value for key, value in settings.items() if isinstance(value, str) and value and _names_data(key)}
    sums = dict(pair for path in sorted({*map(Path, named), *files}) for pair in _sums(path))
    return {"config": settings, "files": sums, "versions": versions()}


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _leaves(f"{place}.{key}" if place else str(key), part)
    else:
        yield place, value


def _names_data(key: str) -> bool:
    return key.startswith(_SECTIONS) or (key.startswith("components.") and key.endswith(".model.name"))


def _sums(path: Path) -> Iterator[tuple[str, str]]:
    if path.is_file():
        yield str(path), sha256_of(path)
    elif path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file():
                yield str(file), sha256_of(file)


def differences(before: Fingerprint, now: Fingerprint) -> list[str]:
    """What has changed, a line each, in words."""
    found = []
    for part in ("config", "files", "versions"):
        old, new = before.get(part, {}), now.get(part, {})
        for key in sorted(old.keys() | new.keys()):
            if old.get(key) == new.get(key) and (key in old) == (key in new):
                continue
            if part == "files":
                now_it_is = "another file" if key in old and key in new else "no longer there" if key in old else "new"
                found.append(f"{key} is {now_it_is}")
            else:
                shown = [json.dumps(table[key]) if key in table else "not set" for table in (old, new)]
                found.append(f"{key} was {shown[0]}, and is {shown[1]}")
    return found


def digest(told: Fingerprint) -> bytes:
    """One sum of it all, by which workers compare what they were given."""
    return sha256(json.dumps(told, sort_keys=True).encode()).digest()
