"""Convert and check arguments, which Typer does on the command line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from ..errors import BertNerError, Errors, is_count

_Value = TypeVar("_Value")


def as_list(values: str | Path | Iterable[_Value]) -> list[_Value]:
    """Return one or several names as a list. A string is one name.

    values (str | Path | Iterable): the name or names.
    """
    return [values] if isinstance(values, str | Path) else list(values)  # type: ignore[list-item]


def as_path(path: str | Path | None) -> Path | None:
    """Return an optional path as a `Path`."""
    return None if path is None else Path(path)


def check_counts(function: str, least: int, **values: int | None) -> None:
    """Reject numbers that are too small.

    function (str): name of the function, for the message.
    least (int): the smallest allowed number.
    values (int | None): the arguments by name. None is allowed.
    RAISES BertNerError: a number is too small, or not whole.
    """
    for name, value in values.items():
        if value is not None and not is_count(value, least):
            raise BertNerError(Errors.bad_argument.format(function=function, name=name, value=value, least=least))
