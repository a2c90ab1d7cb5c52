"""CoNLL-2003 and its relatives: one token a line, columns by tabs or spaces, a blank line after a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import CorpusError, Errors, TagError
from ..tags import split_tag
from .sentence import Sentence, check_row

DOCUMENT_START = "-DOCSTART-"


def is_columns(head: str) -> bool:
    """Whether a line is a row of columns with an IOB tag in the last, or a document's start."""
    columns = _columns(head)
    if columns[:1] == [DOCUMENT_START]:
        return True
    if len(columns) < 2:
        return False
    try:
        split_tag(columns[-1])
    except TagError:
        return False
    return True


def read(path: Path, text: str) -> Iterator[Sentence]:
    """Read word and tag, the first and the last column. `-DOCSTART-` rows only separate."""
    sentence = Sentence([], [], 1)
    # By line feed alone: `str.splitlines()` would also cut at U+0085 and its like, which are words in some corpora.
    for line, row in enumerate(text.split("\n"), start=1):
        columns = _columns(row.rstrip("\r"))
        if not columns or columns[0] == DOCUMENT_START:
            if sentence.words:
                yield sentence
            sentence = Sentence([], [], line + 1)
            continue
        if len(columns) < 2:
            raise CorpusError(Errors.few_columns.format(path=path, line=line, text=row[:40]))
        check_row(path, line, columns[0], columns[-1])
        sentence.words.append(columns[0])
        sentence.tags.append(columns[-1])
    if sentence.words:
        yield sentence


def _columns(row: str) -> list[str]:
    row = row.rstrip(" \t")
    return row.split("\t") if "\t" in row else [column for column in row.split(" ") if column]
