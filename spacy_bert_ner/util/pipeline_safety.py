"""Reject unsafe files in a saved pipeline before spaCy reads them, and find damaged files after spaCy has failed."""

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
from .msgpack_gc import unpacking

MOST_CHARACTERS = 10_000_000
"""Maximum number of characters in a config after its variables are interpolated."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_MAX_DEPTH = 64
"""Maximum depth of references between variables. No usable config is deeper, and spaCy reports circular references."""


def is_pipeline(folder: Path) -> bool:
    """Return whether a folder contains a saved pipeline, even a damaged one.

    folder (Path): the folder.
    """
    return any((folder / file).is_file() for file in ("config.cfg", "meta.json"))


def check_pipeline(folder: Path) -> None:
    """Reject a pipeline folder that could never be read completely or could exhaust memory.

    folder (Path): folder of a saved pipeline.
    RAISES BertNerError: an entry is not a regular file, or the config is too large before or after its variables are
        interpolated.
    """
    irregular = irregular_files(folder)
    if irregular:
        raise BertNerError(Errors.irregular_file.format(folder=folder, file=irregular[0]))
    config = folder / "config.cfg"
    if not config.is_file():
        return
    size: float = config.stat().st_size
    if size <= MOST_CHARACTERS:
        size = _interpolated_size(config.read_text(encoding="utf8", errors="replace"))
    if size > MOST_CHARACTERS:
        raise BertNerError(Errors.config_too_large.format(path=config, most=MOST_CHARACTERS))


def _interpolated_size(text: str) -> float:
    """Return the number of characters in a config after interpolation.

    Counting stops when the number exceeds `MOST_CHARACTERS`.
    """
    parser = RawConfigParser(strict=False, allow_no_value=True, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except Error:
        return len(text)  # spaCy reports the error
    values = {f"{name}.{key}": value or "" for name in parser.sections() for key, value in parser.items(name)}
    for name in parser.sections():
        section_values = [value for key, value in values.items() if key.startswith(f"{name}.")]
        values[name] = "\n".join(section_values)
    sizes: dict[str, float] = {}
    for _ in range(_MAX_DEPTH):  # each iteration follows the references one level further
        before = dict(sizes)
        for key, value in values.items():
            references = [name.replace(":", ".").strip() for name in _VARIABLE.findall(value)]
            sizes[key] = min(len(value) + sum(before.get(name, 0) for name in references), 1e300)
        if sizes == before or sum(sizes.values()) > MOST_CHARACTERS:
            break
    return sum(sizes.values())


def find_damage(folder: Path) -> str | None:
    """Find a damaged file among the files that spaCy reads for every pipeline.

    Call this function after spaCy has failed to load the pipeline, because spaCy's error does not name the file.

    folder (Path): folder of a saved pipeline.
    RETURNS (str | None): the file and its damage, such as `meta.json is empty`. None if no damage was found.
    """
    for file, check in _CHECKS.items():
        path = folder / file
        if not path.exists():
            is_needed = file in ("meta.json", "tokenizer") or (file == _STRINGS and path.parent.exists())
            if is_needed:
                return f"{file} is missing"
            continue
        try:
            reason = check(path.read_bytes()) if path.is_file() else "is a folder"
        except (OSError, ValueError, RecursionError, EOFError):
            reason = "cannot be read"
        if reason:
            return f"{file} {reason}"
    return None


def _check_table(content: bytes) -> str | None:
    parsed = _parse_json(content)
    return parsed if isinstance(parsed, str) else None if isinstance(parsed[0], dict) else "does not contain a table"


def _check_meta(content: bytes) -> str | None:
    reason = _check_table(content)
    return reason or (None if json.loads(content).get("lang") else "does not name a language (lang)")


def _check_strings(content: bytes) -> str | None:
    parsed = _parse_json(content)
    if isinstance(parsed, str):
        return parsed
    is_list = isinstance(parsed[0], list) and all(isinstance(string, str) for string in parsed[0])
    return None if is_list else "does not contain a list of strings"


def _parse_json(content: bytes) -> str | tuple[Any]:
    """Parse JSON, and return the value in a tuple. If that fails, return a description of the damage."""
    try:
        return (json.loads(content),)
    except (ValueError, RecursionError):
        return "is not valid JSON, or is truncated" if content else "is empty"


def _check_msgpack(content: bytes) -> str | None:
    try:
        with unpacking():
            srsly.msgpack_loads(content)
    except Exception:  # srsly raises exceptions of many classes
        return "is not valid MessagePack, or is truncated" if content else "is empty"
    return None


def _check_array(content: bytes) -> str | None:
    try:
        np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, OSError, EOFError):
        return "is not an array of numbers, or is truncated" if content else "is empty"
    return None


_STRINGS = "vocab/strings.json"
_CHECKS: dict[str, Callable[[bytes], str | None]] = {
    "meta.json": _check_meta,
    "tokenizer": _check_msgpack,
    _STRINGS: _check_strings,
    "vocab/vectors.cfg": _check_table,
    "vocab/vectors": _check_array,
    "vocab/key2row": _check_msgpack,
    "vocab/lookups.bin": _check_msgpack,
}
