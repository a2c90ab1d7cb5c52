"""Parse a list in a CSV cell. The notation can be JSON, Python or NumPy. NumPy does not write commas.

["B-per", "O", null]    ['B-per', 'O', None]    ['B-per' 'O']
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

_LIST = re.compile(r"""\[\s*(?:["'\[{\]]|-?[0-9]|null|None|nan\b)""")
"""Pattern for the beginning of a list. It does not match `[PER] O`."""
_ITEM = re.compile(r"""([\s,]*)('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?[0-9]{1,9}|None|nan)""", re.DOTALL)
_END = re.compile(r"[\s,]*\]\s*")


def read_list(cell: str) -> list[Any] | None:
    """Parse a list of strings, numbers and None.

    cell (str): the content of the cell.
    RETURNS (list[Any] | None): the list. None if the cell does not begin like a list.
    RAISES ValueError: the cell begins like a list but is not a valid one.
    """
    if not _LIST.match(cell):
        return None
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return _read_python(cell)
    return value if isinstance(value, list) else None


def _read_python(cell: str) -> list[Any]:
    """Parse a list in Python or NumPy notation.

    Each item is parsed separately, because Python treats `'B-per' 'O'` as a single string.

    RAISES ValueError: the cell is not a valid list.
    """
    items: list[Any] = []
    offset = 1
    while match := _ITEM.match(cell, offset):
        if items and not match[1]:
            raise ValueError(cell)
        try:
            items.append(None if match[2] == "nan" else ast.literal_eval(match[2]))
        except SyntaxError as e:  # a string contains a line break
            raise ValueError(cell) from e
        offset = match.end()
    if not _END.fullmatch(cell, offset):
        raise ValueError(cell)
    return items
