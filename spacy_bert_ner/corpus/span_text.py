"""Represent text with character spans as stored in files, before tokenization."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import CorpusError, Errors
from .sentence import fits_column

MAX_CHARACTERS = 1_000_000
"""Maximum number of characters in a text. It equals spaCy's default limit, `nlp.max_length`."""


class Span(NamedTuple):
    """An entity with character offsets, from `start` (inclusive) to `end` (exclusive).

    fragments: the pieces of a discontinuous entity, as given in the file; empty for a continuous entity.
    declared_text: the text of the span according to the file; None if the file does not declare it.
    line: line number of the span if it differs from the line number of its passage; otherwise, 0.
    """

    start: int
    end: int
    label: str
    fragments: tuple[tuple[int, int], ...] = ()
    declared_text: str | None = None
    line: int = 0


class Tokens(NamedTuple):
    """The words in a text, and whether a space follows each word. The concatenated words and spaces form the text."""

    words: list[str]
    spaces: list[bool]


class AnnotatedText(NamedTuple):
    """A text with its spans and its position in a file.

    document: name of the document that contains the text; empty if the format does not store it.
    annotated (bool): whether the text has an annotation that was not rejected. If not, the text is skipped.
    n_unused (int): number of additional annotations of this text in the file. They are ignored.
    rejected: spans that the annotator rejected. They are not entities and are not in `spans`.
    n_ignored (int): number of spans that the annotator ignored. They are neither in `spans` nor in `rejected`.
    is_partial (bool): whether only the spans were annotated. If so, nothing is known about the rest of the text.
    has_many_labels (bool): whether one of the spans has several labels. If so, the text is skipped.
    tokens: the tokens given in the file; None if the text must be tokenized.
    has_spaces (bool): whether the file stores spaces. If not, `text` consists of the words joined by single spaces.
    unknown: character ranges with unknown annotation, from a start (inclusive) to an end (exclusive).
    record_id: ID of the record in its file, for messages; empty if it has none.
    spans_path: the file that contains the spans; None if it is `path`.
    has_mark (bool): whether the file has a byte-order mark before the text. The mark is not part of the text.
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
        """Return whether the text becomes a Doc: it is annotated and not empty, and no span has several labels."""
        return self.annotated and bool(self.text) and not self.has_many_labels

    def where(self, span: Span | None = None) -> str:
        """Return the file and line of the text or one of its spans, formatted for messages."""
        path = self.path if span is None or self.spans_path is None else self.spans_path
        line = span.line if span is not None and span.line else self.line
        return f"{path}, line {line}" + (f", id {self.record_id}" if self.record_id else "")


def check_text(path: Path, line: int, text: object) -> str:
    """Return a text if it is valid. Reject a value that is not a string, is too long, or has an unpaired surrogate.

    RAISES CorpusError: the text is invalid. The message names the file and line.
    """
    if not isinstance(text, str):
        raise CorpusError(Errors.no_text.format(path=path, line=line, found=shorten(text)))
    if len(text) > MAX_CHARACTERS:
        where = {"path": path, "unit": "line", "line": line}
        raise CorpusError(Errors.long_text.format(**where, n=len(text), allowed=MAX_CHARACTERS))
    return encodable(path, line, text)


def make_span(path: Path, line: int, start: object, end: object, label: object, declared_text: object = None) -> Span:
    """Create a span from unchecked values in a file. `span_placement.place_spans` locates it in its text.

    path (Path): the file, for error messages.
    line (int): line number of the span, for error messages.
    start, end, label: the values in the file.
    declared_text: the text of the span according to the file. It is ignored unless it is a string.
    RETURNS (Span): the span.
    RAISES CorpusError: an offset is not a whole number, or the label is not a string that a column file can store. The
        message names the file and line.
    """
    # `bool` is a subclass of `int`, so compare the exact types.
    if type(start) is not int or type(end) is not int:
        where = {"path": path, "line": line, "start": shorten(start), "end": shorten(end)}
        raise CorpusError(Errors.bad_offsets.format(**where, label=shorten(label)))
    if not isinstance(label, str) or not fits_column(label):
        offsets = f"{start}-{end}"
        raise CorpusError(Errors.span_label.format(path=path, line=line, label=shorten(label), place=offsets))
    declared = declared_text if isinstance(declared_text, str) else None
    return Span(start, end, encodable(path, line, label), declared_text=declared)


def document_name(path: Path, name: object) -> str:
    """Return the name of a document. A number is prefixed with the file name, because numbers repeat across files."""
    if isinstance(name, int):
        return f"{path.name} {name}"
    return name.encode("utf-8", "replace").decode() if isinstance(name, str) else ""


def shorten(value: object, n: int = 60) -> str:
    """Return the `repr` of a value for messages, truncated to `n` characters."""
    text = repr(value[: n + 1] if isinstance(value, str) else value)
    return text if len(text) <= n + 2 else f"{text[:n]}…"


def encodable(path: Path, line: int, text: str) -> str:
    """Return a text if UTF-8 can encode it. Reject an unpaired surrogate, which JSON allows but UTF-8 does not.

    RAISES CorpusError: the text has an unpaired surrogate. The message names the file and line.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as e:
        message = Errors.lone_surrogate.format(path=path, line=line, code=ord(text[e.start]), position=e.start)
        raise CorpusError(message) from e
    return text
