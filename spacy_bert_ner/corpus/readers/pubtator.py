"""PubTator: a title and an abstract, then a row for each entity; a blank line ends a document.

    100|t|Gout in Rome.
    100|a|It was bad.
    100<tab>0<tab>4<tab>Gout<tab>Disease<tab>D006073

Offsets count one character between title and abstract, which is a line break here.
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
    """Whether the first row is a title, and the second, if there is one, of the same document or another title."""
    name = _title_of(rows[0]) if rows else None
    if name is None:
        return False
    return len(rows) == 1 or rows[1].startswith((f"{name}|a|", f"{name}\t")) or _title_of(rows[1]) is not None


def read(source: TextSource) -> Iterator[AnnotatedText | Invalid]:
    """Read each document; relations are passed over."""
    for block in _blocks(source):
        try:
            yield _passage(source.path, block)
        except CorpusError as e:
            yield Invalid(e)


def _title_of(row: str) -> str | None:
    """The name of the document whose title a row is; None for another row."""
    match = _PART.fullmatch(row)
    return match[1] if match and match[2] == "t" else None


def _blocks(source: TextSource) -> Iterator[Rows]:
    """The rows of each document, with their lines. Some files have no blank line between two documents."""
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


def _passage(path: Path, block: Rows) -> AnnotatedText:
    """The text and the entities of a document.

    RAISES CorpusError: a row is none of PubTator, or of another document; the message names file and line.
    """
    first, row = block[0]
    name = _title_of(row)
    if name is None:
        raise CorpusError(Errors.no_title.format(path=path, line=first, text=shorten(row)))
    title, abstract = row[len(name) + 3 :], ""
    spans: list[Span] = []
    for line, row in block[1:]:
        if row.startswith(f"{name}|a|") and line == first + 1:
            abstract = row[len(name) + 3 :]
        else:
            spans += _span(path, line, row, name)
    text = f"{title}\n{abstract}" if abstract else title
    return AnnotatedText(check_text(path, first, text), spans, path, first, name, record_id=shorten(name))


def _span(path: Path, line: int, row: str, name: str) -> Iterator[Span]:
    """The entity of a row; none of a relation."""
    owner, *cells = row.split("\t")
    if owner == name and len(cells) > 2 and _RELATION.match(cells[0]):
        return
    if owner != name or len(cells) < 4 or not all(_OFFSET.fullmatch(cell) for cell in cells[:2]):
        raise CorpusError(Errors.bad_pubtator.format(path=path, line=line, name=shorten(name), text=shorten(row)))
    span = make_span(path, line, int(cells[0]), int(cells[1]), cells[3], cells[2])
    yield span._replace(line=line)
