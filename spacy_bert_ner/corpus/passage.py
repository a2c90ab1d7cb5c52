"""Text with spans at character offsets, as files of such formats have it, before it is tokenized."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import CorpusError, Errors
from .sentence import fits_column

MAX_CHARACTERS = 1_000_000
"""Of one text: spaCy's own limit, `nlp.max_length`."""


class Span(NamedTuple):
    """An entity: the characters from `start` up to, not including, `end`.

    fragments: the pieces of a discontinuous one; empty for all others.
    """

    start: int
    end: int
    label: str
    fragments: tuple[tuple[int, int], ...] = ()


class Tokens(NamedTuple):
    """The words of a text, and whether a space follows each; together they are the text."""

    words: list[str]
    spaces: list[bool]


class Passage(NamedTuple):
    """A text and its spans, and the file and line where it stands.

    document: the name of the document that it is from; empty where the format does not say.
    annotated (bool): False for a text that nobody annotated, or whose annotation was rejected, which is left out.
    n_unused (int): how many further annotations the file has of this text, which are not read.
    tokens: those that the file gives the text; None where it has to be tokenized.
    unknown: characters, from one up to, not including, another, whose annotation is not known.
    """

    text: str
    spans: list[Span]
    path: Path
    line: int
    document: str = ""
    annotated: bool = True
    n_unused: int = 0
    tokens: Tokens | None = None
    unknown: Sequence[tuple[int, int]] = ()


def check_text(path: Path, line: int, text: object) -> str:
    """Refuse what is no text, is too long, or has half of a surrogate pair, which no file can hold.

    RAISES CorpusError: the message names file and line.
    """
    if not isinstance(text, str):
        raise CorpusError(Errors.no_text.format(path=path, line=line, found=shorten(text)))
    if len(text) > MAX_CHARACTERS:
        where = {"path": path, "unit": "line", "line": line}
        raise CorpusError(Errors.long_text.format(**where, n=len(text), allowed=MAX_CHARACTERS))
    return encodable(path, line, text)


def check_span(path: Path, line: int, text: str, start: object, end: object, label: object) -> Span:
    """Refuse a span outside its text or of no length, and a label that is empty, no string, or in no column of a file.

    RAISES CorpusError: the message names file and line, what was read and what is allowed.
    """
    # A Boolean is an integer to Python.
    if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
        message = Errors.span_outside.format(
            path=path, line=line, start=shorten(start), end=shorten(end), label=shorten(label), n=len(text)
        )
        raise CorpusError(message)
    if not isinstance(label, str) or not fits_column(label):
        covered = shorten(text[start:end])
        message = Errors.span_label.format(path=path, line=line, label=shorten(label), covered=covered)
        raise CorpusError(message)
    return Span(start, end, encodable(path, line, label))


def check_covered(path: Path, line: int, covered: str, said: str, *, same: bool) -> None:
    """Refuse a span whose text, as the file gives it, is not that at its offsets.

    RAISES CorpusError: the message names file and line, and shows both.
    """
    if not same:
        message = Errors.span_text.format(path=path, line=line, said=shorten(said), covered=shorten(covered))
        raise CorpusError(message)


def document_name(path: Path, name: object) -> str:
    """The name of a document; a number, which other files have too, with that of its file before it."""
    if isinstance(name, int):
        return f"{path.name} {name}"
    return name.encode("utf-8", "replace").decode() if isinstance(name, str) else ""


def shorten(value: object, n: int = 60) -> str:
    """A value as a message shows it."""
    shown = repr(value[: n + 1] if isinstance(value, str) else value)
    return shown if len(shown) <= n + 2 else f"{shown[:n]}…"


def encodable(path: Path, line: int, text: str) -> str:
    """Refuse half of a surrogate pair, which JSON can spell and no file can hold.

    RAISES CorpusError: the message names file and line.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as e:
        message = Errors.lone_surrogate.format(path=path, line=line, code=ord(text[e.start]), position=e.start)
        raise CorpusError(message) from e
    return text
