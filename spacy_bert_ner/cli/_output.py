"""Print the results and messages of all commands; see `plain_output` for colours."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import TextIOWrapper
from typing import Any, NoReturn, TextIO, TypeVar

import typer
from tqdm import tqdm
from wasabi import table

_Item = TypeVar("_Item")
_ESCAPE_CODE = re.compile(r"\x1b\[[0-9;?]*[@-~]")
_WIDTH = 80

_SIGNS = {
    "error": ("✘ ", "red"),
    "warning": ("⚠ ", "yellow"),
    "info": ("ℹ ", "blue"),
    "good": ("✔ ", "green"),
    "": ("", None),
}


class _PlainStream:
    """A text stream that removes escape codes, such as colours, from what is written to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(_ESCAPE_CODE.sub("", text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def plain_output() -> Iterator[None]:
    """Remove escape codes from standard output and standard error in a `with` block, unless colours are wanted.

    Colours are wanted if the stream is a terminal and NO_COLOR is not set. This also applies to spaCy's messages.
    """
    given = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_without_colours, given)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = given


def _without_colours(stream: TextIO) -> Any:
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # for terminals that cannot display a character
    return stream if stream.isatty() and not os.environ.get("NO_COLOR") else _PlainStream(stream)


def print_message(level: str, text: str, *, err: bool = False) -> None:
    """Print a message and keep its line breaks.

    level (str): "error", "warning", "info", "good", or "" for no symbol before the message.
    text (str): the message.
    err (bool): whether to print to standard error. Default: False, standard output.
    """
    sign, colour = _SIGNS[level]
    typer.secho(f"{sign}{text}", fg=colour, err=err)


def print_heading(text: str) -> None:
    """Print a heading, centred in a line of equals signs."""
    typer.secho(f"\n{f'== {text} ==':=^{_WIDTH}}", bold=True)


def print_table(rows: Sequence[Sequence[object]], header: Sequence[str]) -> None:
    """Print a table. The first column is left-aligned, and all others are right-aligned.

    rows: the cells of each row.
    header (Sequence[str]): the name of each column.
    """
    print_message("", table(rows, header=header, aligns=("l", *"r" * (len(header) - 1)), divider=True))


def exit_with_error(title: str, error: object) -> NoReturn:
    """Print an error and exit with status 1."""
    print_message("error", f"{title}\n{error}")
    raise typer.Exit(1)


def progress(items: Iterable[_Item], activity: str, n_items: int | None, unit: str = "sentences") -> Iterator[_Item]:
    """Show a progress bar on the terminal if a pass takes longer than two seconds.

    items: the items of this pass.
    activity (str): label for the bar, such as "reading".
    n_items (int | None): total number of items; None if it is unknown.
    unit (str): name of the items. Default: "sentences".
    RETURNS: the items.
    """
    return iter(tqdm(items, activity, n_items, leave=False, disable=None, delay=2, unit=f" {unit}"))


texts_progress = partial(progress, unit="texts")
"""Like `progress`, but the items are texts."""

runtimes_progress = partial(progress, unit="runtimes")
"""Like `progress`, but the items are runtimes."""
