"""The first values in the head of a JSON file, from which its format is told."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import CorpusError
from .json_stream import elements_under, end_of_blank

_ARRAY = re.compile(r"\s*\[(?=\s*[\[{])")
_KEY = re.compile(r'"([^"\\]{1,40})"\s*:')


def head_values(rows: Sequence[str], n: int) -> list[Any]:
    """The first values: elements of an array of objects or arrays, or values one after the other.

    rows: of the file, without blank ones.
    n (int): how many at most; fewer where the head ends, or is no JSON.
    RETURNS: of an object that is longer than the head, the keys, with those of the objects in it, each with None.
    """
    if not rows or rows[0].lstrip()[:1] not in ("{", "["):
        return []
    head = "\n".join(rows)
    decoder, found = json.JSONDecoder(), list[Any]()
    array = _ARRAY.match(head)
    at = array.end() if array else 0
    while len(found) < n:
        at = end_of_blank(head, at)
        if found and head[at : at + 1] == ",":
            at = end_of_blank(head, at + 1)
        try:
            value, at = decoder.raw_decode(head, at)
        except RecursionError:
            break
        except ValueError:
            if not found and head[at : at + 1] == "{":
                found.append(dict.fromkeys(_KEY.findall(head)))
            break
        found.append(value)
    return found


def first_element(rows: Sequence[str], key: str) -> object:
    """The first element that is not null of the array under a key of the one object of a file; None without one."""
    head = "\n".join(rows)
    if head.lstrip()[:1] != "{" or f'"{key}"' not in head:
        return None
    try:
        items = elements_under(Path(), io.StringIO(head), key)
        return next((value for _, value in items if value is not None), None)
    except CorpusError:
        return None
