"""A list in a cell of CSV, as programs write it: as JSON, as Python, or as NumPy, without commas.

["B-per", "O", null]    ['B-per', 'O', None]    ['B-per' 'O']
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

_LIST = re.compile(r"""\[\s*(?:["'\[{\]]|-?[0-9]|null|None|nan\b)""")
"""How such a list begins. `[PER] O` is none."""
_ITEM = re.compile(r"""([\s,]*)('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?[0-9]{1,9}|None|nan)""", re.DOTALL)
_END = re.compile(r"[\s,]*\]\s*")


def read_list(cell: str) -> list[Any] | None:
    """Read a list of strings, numbers and None.

    RETURNS: None if the cell does not begin like a list.
    RAISES ValueError: it begins like one, and is none.
    """
    if not _LIST.match(cell):
        return None
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        return _read_python(cell)
    return found if isinstance(found, list) else None


def _read_python(cell: str) -> list[Any]:
    """Read a list as Python or NumPy writes it.

    To Python, `'B-per' 'O'` is one string, so that each item is read on its own.
    """
    items: list[Any] = []
    at = 1
    while match := _ITEM.match(cell, at):
        if items and not match[1]:
            raise ValueError(cell)
        try:
            items.append(None if match[2] == "nan" else ast.literal_eval(match[2]))
        except SyntaxError as e:  # a line break in a string
            raise ValueError(cell) from e
        at = match.end()
    if not _END.fullmatch(cell, at):
        raise ValueError(cell)
    return items
