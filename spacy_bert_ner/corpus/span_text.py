"""Represent text with spans at character offsets, as files store it, before tokenization."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import CorpusError, Errors
from .sentence import fits_column

MAX_CHARACTERS = 1_000_000
"""Maximum length of a text: spaCy's own limit, `nlp.max_length`."""


class Span(NamedTuple):
    """An entity: the characters from `start` up to, but not including, `end`.

    fragments: the pieces of a discontinuous entity, as the file gives them; empty for all others.
    declared_text: the text of the span according to the file; None if the file does not declare it.
    line: the line of the span if it differs from the line of its passage; 0 otherwise.
    """

    start: int
    end: int
    label: str
    fragments: tuple[tuple[int, int], ...] = ()
    declared_text: str | None = None
    line: int = 0


class Tokens(NamedTuple):
    """The words of a text, and whether a space follows each. Concatenated, they are the text."""

    words: list[str]
    spaces: list[bool]


class AnnotatedText(NamedTuple):
    """A text, its spans, and its file and line.

    document: the name of the document of the text; empty if the format does not store it.
    annotated (bool): False for a text that nobody annotated or whose annotation was rejected. It is skipped.
    n_unused (int): number of further annotations of this text in the file; they are ignored.
    rejected: the spans that the annotator rejected, so they are not entities. They are not in `spans`.
    n_ignored (int): number of spans that the annotator ignored. They are neither in `spans` nor in `rejected`.
    is_partial (bool): the annotator was asked only about its spans, so nothing is known about the rest of the text.
    has_many_labels (bool): one of its spans has several labels, so the text is skipped.
    tokens: the tokens that the file gives; None if the text has to be tokenized.
    has_spaces (bool): False if the file has words and no text. Then `text` is the words joined by single spaces.
    unknown: character ranges whose annotation is unknown. Each goes from a start up to, but not including, an end.
    record_id: the id of the record in its file, for messages; empty if it has none.
    spans_path: the file with the spans if it is not `path`.
    has_mark (bool): the file has a byte-order mark before the text, which is not part of the text.
    """

    text: str
    spans: list[Span]
    path: Path
    line: int
    document: str = ""
    annotated: bool = True
    n_unused: int = 0
    rejected: Sequence[Span] = ()
    n_ignored: int = 0
    is_partial: bool = False
    has_many_labels: bool = False
    tokens: Tokens | None = None
    has_spaces: bool = True
    unknown: Sequence[tuple[int, int]] = ()
    record_id: str = ""
    spans_path: Path | None = None
    has_mark: bool = False

    @property
    def is_read(self) -> bool:
        """Whether the text becomes a Doc: it is not empty, and its annotation is complete."""
        return self.annotated and bool(self.text) and not self.has_many_labels

    def where(self, span: Span | None = None) -> str:
        """Return the file and line of the text, or of one of its spans, for messages."""
        path = self.path if span is None or self.spans_path is None else self.spans_path
        line = span.line if span is not None and span.line else self.line
        return f"{path}, line {line}" + (f", id {self.record_id}" if self.record_id else "")


def check_text(path: Path, line: int, text: object) -> str:
    """Return a valid text. Reject values that are not a string, are too long, or contain an unpaired surrogate.

    RAISES CorpusError: the text is invalid. The message names file and line.
    """
    if not isinstance(text, str):
        raise CorpusError(Errors.no_text.format(path=path, line=line, found=shorten(text)))
    if len(text) > MAX_CHARACTERS:
        where = {"path": path, "unit": "line", "line": line}
        raise CorpusError(Errors.long_text.format(**where, n=len(text), allowed=MAX_CHARACTERS))
    return encodable(path, line, text)


def make_span(path: Path, line: int, start: object, end: object, label: object, declared_text: object = None) -> Span:
    """Create a span from the values in a file. `span_placement.place_spans` locates it in its text.

    path (Path): the file, for error messages.
    line (int): the line of the span, for error messages.
    start, end, label: the values in the file, which are checked.
    declared_text: the text of the span according to the file; ignored if it is not a string.
    RETURNS (Span): the span.
    RAISES CorpusError: an offset is not a whole number, or the label is empty, not a string, or does not fit into a
        column of a file. The message names file and line, what was received and what is allowed.
    """
    # A Boolean is an integer to Python.
    if type(start) is not int or type(end) is not int:
        where = {"path": path, "line": line, "start": shorten(start), "end": shorten(end)}
        raise CorpusError(Errors.bad_offsets.format(**where, label=shorten(label)))
    if not isinstance(label, str) or not fits_column(label):
        offsets = f"{start}-{end}"
        raise CorpusError(Errors.span_label.format(path=path, line=line, label=shorten(label), place=offsets))
    declared = declared_text if isinstance(declared_text, str) else None
    return Span(start, end, encodable(path, line, label), declared_text=declared)


def document_name(path: Path, name: object) -> str:
    """Return the name of a document. A number gets the name of its file as a prefix, because other files have numbers
    too.
    """
    if isinstance(name, int):
        return f"{path.name} {name}"
    return name.encode("utf-8", "replace").decode() if isinstance(name, str) else ""


def shorten(value: object, n: int = 60) -> str:
    """Return a value as messages show it, with at most `n` characters."""
    text = repr(value[: n + 1] if isinstance(value, str) else value)
    return text if len(text) <= n + 2 else f"{text[:n]}…"


def encodable(path: Path, line: int, text: str) -> str:
    """Return a text that UTF-8 can encode. Reject an unpaired surrogate, which JSON can spell but no file can store.

    RAISES CorpusError: the text has an unpaired surrogate. The message names file and line.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as e:
        message = Errors.lone_surrogate.format(path=path, line=line, code=ord(text[e.start]), position=e.start)
        raise CorpusError(message) from e
    return text
