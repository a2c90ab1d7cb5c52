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

    fragments: the pieces of a discontinuous one, as the file gives them; empty for all others.
    declared_text: what the file says that the span covers; None where it does not say.
    line: where it stands, if not on the line of its passage; 0 otherwise.
    """

    start: int
    end: int
    label: str
    fragments: tuple[tuple[int, int], ...] = ()
    declared_text: str | None = None
    line: int = 0


class Tokens(NamedTuple):
    """The words of a text, and whether a space follows each; together they are the text."""

    words: list[str]
    spaces: list[bool]


class AnnotatedText(NamedTuple):
    """A text and its spans, and the file and line where it stands.

    document: the name of the document that it is from; empty where the format does not say.
    annotated (bool): False for a text that nobody annotated, or whose annotation was rejected, which is left out.
    n_unused (int): how many further annotations the file has of this text, which are not read.
    rejected: the spans that the annotator rejected, so that they are no entities; they are not in `spans`.
    n_ignored (int): how many of its spans the annotator ignored; they are in neither.
    is_partial (bool): the annotator was asked for its spans alone, so that nothing is known of the rest of the text.
    has_many_labels (bool): a span of it has several labels, so that the text is left out.
    tokens: those that the file gives the text; None where it has to be tokenized.
    has_spaces (bool): False where the file has words and no text, and `text` is these with one space between two.
    unknown: characters, from one up to, not including, another, whose annotation is not known.
    record_id: what names the record in its file, for messages; empty where it has no id.
    spans_path: the file that has the spans, if it is not `path`.
    has_mark (bool): a byte-order mark stands before the text in its file, and is not part of it.
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
        """Whether it becomes a Doc: it has text, whose annotation is whole."""
        return self.annotated and bool(self.text) and not self.has_many_labels

    def where(self, span: Span | None = None) -> str:
        """The file and line of the text or of one of its spans, for messages."""
        path = self.path if span is None or self.spans_path is None else self.spans_path
        line = span.line if span is not None and span.line else self.line
        return f"{path}, line {line}" + (f", id {self.record_id}" if self.record_id else "")


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


def make_span(path: Path, line: int, start: object, end: object, label: object, declared_text: object = None) -> Span:
    """Make a span of what a file gives; `span_placement.place_spans` finds it in its text.

    declared_text: what the file says that it covers; ignored if it is no string.
    RAISES CorpusError: an offset is no whole number, or the label is empty, no string, or fits in no column of a file.
        The message names file and line, what was read and what is allowed.
    """
    # A Boolean is an integer to Python.
    if type(start) is not int or type(end) is not int:
        where = {"path": path, "line": line, "start": shorten(start), "end": shorten(end)}
        raise CorpusError(Errors.bad_offsets.format(**where, label=shorten(label)))
    if not isinstance(label, str) or not fits_column(label):
        place = f"{start}-{end}"
        raise CorpusError(Errors.span_label.format(path=path, line=line, label=shorten(label), place=place))
    declared = declared_text if isinstance(declared_text, str) else None
    return Span(start, end, encodable(path, line, label), declared_text=declared)


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
