"""CoNLL-2003 and its relatives: one token a line, columns by tabs or spaces, a blank line after a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..errors import CorpusError, Errors
from ..tags import OUTSIDE, has_prefix
from .sentence import Sentence, check_row
from .source import Source

DOCUMENT_START = "-DOCSTART-"


def is_columns(rows: Sequence[str]) -> bool:
    """Whether the first row has columns and, in the last of them, a tag; or is a document's start.

    A label without a prefix may be any word, so after one there has to come, in rows of as many columns, an `O`.
    """
    n_columns = len(_columns(rows[0]))
    for i, row in enumerate(rows):
        columns = _columns(row)
        if columns[0] == DOCUMENT_START:
            return True
        if len(columns) < 2 or len(columns) != n_columns:
            return False
        if columns[-1] == OUTSIDE:
            return True
        if has_prefix(columns[-1]):
            return i == 0
    return False


def read(source: Source) -> Iterator[Sentence]:
    """Read word and tag, the first and the last column. The sentences from one `-DOCSTART-` row to the next are one
    document."""
    path = source.path
    n_documents, document = 0, ""
    sentence = Sentence([], [], [])
    with source.text() as text:
        for line, row in enumerate(text, start=1):
            columns = _columns(row.rstrip("\r\n"))
            if not columns or columns[0] == DOCUMENT_START:
                if sentence.words:
                    yield sentence
                if columns:
                    n_documents += 1
                    document = f"{path.name} {n_documents}"
                sentence = Sentence([], [], [], document=document)
                continue
            if len(columns) < 2:
                raise CorpusError(Errors.few_columns.format(path=path, line=line, text=row[:40].rstrip("\r\n")))
            check_row(path, line, columns[0], columns[-1])
            sentence.words.append(columns[0])
            sentence.tags.append(columns[-1])
            sentence.lines.append(line)
    if sentence.words:
        yield sentence


def _columns(row: str) -> list[str]:
    row = row.rstrip(" \t")
    return row.split("\t") if "\t" in row else [column for column in row.split(" ") if column]
