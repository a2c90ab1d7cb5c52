"""Parse the first values in a JSON file to detect its format."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import CorpusError
from .json_stream import elements_under, skip_blank

_ARRAY = re.compile(r"\s*\[(?=\s*[\[{])")
_KEY = re.compile(r'"([^"\\]{1,40})"\s*:')


def head_values(rows: Sequence[str], n: int) -> list[Any]:
    """Return the first values in a file: the elements of an array of objects or arrays, or consecutive values.

    rows (Sequence[str]): the first non-blank rows in the file.
    n (int): the maximum number of values. Fewer are returned if the rows end or are not valid JSON.
    RETURNS (list[Any]): the values. If the first value is an object that extends beyond these rows, it is replaced by a
        dictionary that maps all its keys, including nested ones, to None.
    """
    if not rows or rows[0].lstrip()[:1] not in ("{", "["):
        return []
    head = "\n".join(rows)
    decoder, first_values = json.JSONDecoder(), list[Any]()
    array = _ARRAY.match(head)
    offset = array.end() if array else 0
    while len(first_values) < n:
        offset = skip_blank(head, offset)
        if first_values and head[offset : offset + 1] == ",":
            offset = skip_blank(head, offset + 1)
        try:
            value, offset = decoder.raw_decode(head, offset)
        except RecursionError:
            break
        except ValueError:
            if not first_values and head[offset : offset + 1] == "{":
                first_values.append(dict.fromkeys(_KEY.findall(head)))
            break
        first_values.append(value)
    return first_values


def first_element(rows: Sequence[str], key: str) -> object:
    """Return the first non-null element from an array in a file with a single object.

    rows (Sequence[str]): the first non-blank rows in the file.
    key (str): the key for the array.
    RETURNS (object): the element. None if there is none.
    """
    head = "\n".join(rows)
    if head.lstrip()[:1] != "{" or f'"{key}"' not in head:
        return None
    try:
        items = elements_under(Path(), io.StringIO(head), key)
        return next((value for _, value in items if value is not None), None)
    except CorpusError:
        return None
