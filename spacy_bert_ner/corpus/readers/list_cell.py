"""Parse a list in a CSV cell. Programs write it as JSON, as Python, or as NumPy, without commas.

["B-per", "O", null]    ['B-per', 'O', None]    ['B-per' 'O']
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

_LIST = re.compile(r"""\[\s*(?:["'\[{\]]|-?[0-9]|null|None|nan\b)""")
"""The beginning of such a list. `[PER] O` is not a list."""
_ITEM = re.compile(r"""([\s,]*)('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?[0-9]{1,9}|None|nan)""", re.DOTALL)
_END = re.compile(r"[\s,]*\]\s*")


def read_list(cell: str) -> list[Any] | None:
    """Read a list of strings, numbers and None.

    cell (str): the text of the cell.
    RETURNS (list[Any] | None): the list. None if the cell does not begin like a list.
    RAISES ValueError: the cell begins like a list but is not one.
    """
    if not _LIST.match(cell):
        return None
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return _read_python(cell)
    return value if isinstance(value, list) else None


def _read_python(cell: str) -> list[Any]:
    """Read a list in the notation of Python or NumPy.

    In Python, `'B-per' 'O'` is a single string, so each item is parsed separately.
    """
    items: list[Any] = []
    offset = 1
    while match := _ITEM.match(cell, offset):
        if items and not match[1]:
            raise ValueError(cell)
        try:
            items.append(None if match[2] == "nan" else ast.literal_eval(match[2]))
        except SyntaxError as e:  # a line break in a string
            raise ValueError(cell) from e
        offset = match.end()
    if not _END.fullmatch(cell, offset):
        raise ValueError(cell)
    return items
