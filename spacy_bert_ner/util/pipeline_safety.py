"""What is refused of a pipeline's folder before spaCy reads it, and which of its files is damaged where spaCy fails."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from configparser import Error, RawConfigParser
from pathlib import Path
from typing import Any

import numpy as np
import srsly

from ..errors import BertNerError, Errors
from .file_limits import irregular_files
from .srsly_gc import unpacking

MOST_CHARACTERS = 10_000_000
"""Of a config whose variables are filled in."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def check_pipeline(folder: Path) -> None:
    """Refuse a folder of which reading would never end, or fill the memory.

    RAISES BertNerError: something in it is no file; or the config is too large, as it stands or with its variables
        filled in.
    """
    strange = irregular_files(folder)
    if strange:
        raise BertNerError(Errors.irregular_file.format(folder=folder, file=strange[0]))
    config = folder / "config.cfg"
    if not config.is_file():
        return
    size: float = config.stat().st_size
    if size <= MOST_CHARACTERS:
        size = _filled_size(config.read_text(encoding="utf8", errors="replace"))
    if size > MOST_CHARACTERS:
        raise BertNerError(Errors.config_too_large.format(path=config, most=MOST_CHARACTERS))


def _filled_size(text: str) -> float:
    """Characters of a config whose variables are filled in, or more than that."""
    parser = RawConfigParser(strict=False, allow_no_value=True, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except Error:
        return len(text)  # what is wrong with it, spaCy says
    values = {f"{name}.{key}": value or "" for name in parser.sections() for key, value in parser.items(name)}
    for name in parser.sections():
        inside = [value for key, value in values.items() if key.startswith(f"{name}.")]
        values[name] = "\n".join(inside)
    sizes: dict[str, float] = {}
    # Deeper than this no config refers; what goes round is told by spaCy. Each round adds one step of references.
    for _ in range(64):
        before = dict(sizes)
        for key, value in values.items():
            named = [name.replace(":", ".").strip() for name in _VARIABLE.findall(value)]
            sizes[key] = min(len(value) + sum(before.get(name, 0) for name in named), 1e300)
        if sizes == before or sum(sizes.values()) > MOST_CHARACTERS:
            break
    return sum(sizes.values())


def find_damage(folder: Path) -> str | None:
    """Which file of a pipeline, of those that spaCy reads for all components, cannot be read, and why.

    It is asked for after spaCy has failed, whose own words name no file.
    """
    for file, check in _CHECKS.items():
        path = folder / file
        if not path.exists():
            is_needed = file in ("meta.json", "tokenizer") or (file == _STRINGS and path.parent.exists())
            if is_needed:
                return f"{file} is not there"
            continue
        try:
            reason = check(path.read_bytes()) if path.is_file() else "is a folder"
        except (OSError, ValueError, RecursionError, EOFError):
            reason = "cannot be read"
        if reason:
            return f"{file} {reason}"
    return None


def _check_table(content: bytes) -> str | None:
    found = _json(content)
    return found if isinstance(found, str) else None if isinstance(found[0], dict) else "holds no table"


def _check_meta(content: bytes) -> str | None:
    reason = _check_table(content)
    return reason or (None if json.loads(content).get("lang") else "names no language (lang)")


def _check_strings(content: bytes) -> str | None:
    found = _json(content)
    if isinstance(found, str):
        return found
    is_list = isinstance(found[0], list) and all(isinstance(one, str) for one in found[0])
    return None if is_list else "holds no list of texts"


def _json(content: bytes) -> str | tuple[Any]:
    """What a file holds, or what is wrong with it."""
    try:
        return (json.loads(content),)
    except (ValueError, RecursionError):
        return "is no JSON, or is cut short" if content else "is empty"


def _check_packed(content: bytes) -> str | None:
    try:
        with unpacking():
            srsly.msgpack_loads(content)
    except Exception:  # whatever srsly raises of what it finds
        return "is no MessagePack, or is cut short" if content else "is empty"
    return None


def _check_array(content: bytes) -> str | None:
    try:
        np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, OSError, EOFError):
        return "is no array of numbers, or is cut short" if content else "is empty"
    return None


_STRINGS = "vocab/strings.json"
_CHECKS: dict[str, Callable[[bytes], str | None]] = {
    "meta.json": _check_meta,
    "tokenizer": _check_packed,
    _STRINGS: _check_strings,
    "vocab/vectors.cfg": _check_table,
    "vocab/vectors": _check_array,
    "vocab/key2row": _check_packed,
    "vocab/lookups.bin": _check_packed,
}
