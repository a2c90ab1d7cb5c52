"""Read PubTator files. A document has a title, an abstract and a row for each entity. Blank lines separate documents.

    100|t|Gout in Rome.
    100|a|It was bad.
    100<tab>0<tab>4<tab>Gout<tab>Disease<tab>D006073

Offsets count one character between the title and the abstract. This reader inserts a line break there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...errors import CorpusError, Errors
from ..sentence import Invalid
from ..span_text import AnnotatedText, Span, check_text, make_span, shorten
from .text_source import TextSource

_PART = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)
_OFFSET = re.compile(r"[0-9]{1,9}")
_RELATION = re.compile(r"[^\W\d]")

Rows = list[tuple[int, str]]


def is_pubtator(rows: Sequence[str]) -> bool:
    """Return whether a file has the PubTator format.

    The first row must be a title. The second row, if any, must belong to the same document or be another title.

    rows (Sequence[str]): the first non-blank rows in the file.
    """
    name = _title_of(rows[0]) if rows else None
    if name is None:
        return False
    return len(rows) == 1 or rows[1].startswith((f"{name}|a|", f"{name}\t")) or _title_of(rows[1]) is not None


def read(source: TextSource) -> Iterator[AnnotatedText | Invalid]:
    """Read each document in a file. Relations are skipped.

    source (TextSource): the file.
    YIELDS (AnnotatedText | Invalid): the document's annotated text, or the error if the document is invalid.
    """
    for block in _blocks(source):
        try:
            yield _document(source.path, block)
        except CorpusError as e:
            yield Invalid(e)


def _title_of(row: str) -> str | None:
    """Return the document name if a row is a title, or None otherwise."""
    match = _PART.fullmatch(row)
    return match[1] if match and match[2] == "t" else None


def _blocks(source: TextSource) -> Iterator[Rows]:
    """Yield the rows of each document with their line numbers.

    A title also begins a new document, because some files have no blank lines between documents.
    """
    block: Rows = []
    with source.text() as text:
        for line, row in enumerate(text, start=1):
            row = row.rstrip("\r\n")
            if block and (not row.strip() or _title_of(row) is not None):
                yield block
                block = []
            if row.strip():
                block.append((line, row))
    if block:
        yield block


def _document(path: Path, block: Rows) -> AnnotatedText:
    """Return the text and the entities of a document.

    RAISES CorpusError: a row is not valid PubTator or belongs to another document. The message includes the file and
        line.
    """
    first_line, row = block[0]
    name = _title_of(row)
    if name is None:
        raise CorpusError(Errors.no_title.format(path=path, line=first_line, text=shorten(row)))
    title, abstract = row[len(name) + 3 :], ""
    spans: list[Span] = []
    for line, row in block[1:]:
        if row.startswith(f"{name}|a|") and line == first_line + 1:
            abstract = row[len(name) + 3 :]
        else:
            spans += _spans(path, line, row, name)
    text = f"{title}\n{abstract}" if abstract else title
    return AnnotatedText(check_text(path, first_line, text), spans, path, first_line, name, record_id=shorten(name))


def _spans(path: Path, line: int, row: str, name: str) -> Iterator[Span]:
    """Yield the entity in a row. Yield nothing if the row is a relation.

    RAISES CorpusError: the row is not valid PubTator or belongs to another document. The message includes the file and
        line.
    """
    document, *cells = row.split("\t")
    if document == name and len(cells) > 2 and _RELATION.match(cells[0]):
        return
    if document != name or len(cells) < 4 or not all(_OFFSET.fullmatch(cell) for cell in cells[:2]):
        raise CorpusError(Errors.bad_pubtator.format(path=path, line=line, name=shorten(name), text=shorten(row)))
    span = make_span(path, line, int(cells[0]), int(cells[1]), cells[3], cells[2])
    yield span._replace(line=line)
