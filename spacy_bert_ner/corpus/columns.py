"""CoNLL-2003 and its relatives: one token a line, columns by tabs or spaces, a blank line after a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import CorpusError, Errors
from ..tags import OUTSIDE, has_prefix
from .misc_column import DOCUMENT_START, UNKNOWN, read_document, read_misc
from .sentence import Invalid, Sentence, check_row
from .source import Source

LAST = -1


def is_columns(rows: Sequence[str], column: int | None = None) -> bool:
    """Whether the first row has columns and, in that of the tags, a tag; or is a document's start.

    A label without a prefix may be any word, so after one there has to come, in rows of as many columns, an `O`.

    column: see `read`; None for the last, or others where that holds no tag.
    """
    if column is None:
        return is_columns(rows, LAST) or tag_columns(rows) != [LAST]
    n_columns = len(_columns(rows[0]))
    for i, row in enumerate(rows):
        columns = _columns(row)
        if columns[0] == DOCUMENT_START:
            return True
        place = _place(column, n_columns)
        if len(columns) < 2 or len(columns) != n_columns or place is None:
            return False
        tag = columns[place]
        if tag == OUTSIDE:
            return True
        if has_prefix(tag):
            return i == 0
    return False


def tag_columns(rows: Sequence[str]) -> list[int]:
    """The columns that may be that of the tags: all that hold nothing else in these rows, if the last holds none.

    RETURNS: numbers from 1; `[LAST]` if it holds tags, or if no other does.
    """
    if rows and read_document(_columns(rows[0])) is not None:  # its tags may all be unknown
        return [LAST]
    table = [columns for columns in map(_columns, rows) if columns[0] != DOCUMENT_START]
    if not table or any(_is_tag(columns[-1]) for columns in table):
        return [LAST]
    n_columns = len(table[0])
    if any(len(columns) != n_columns for columns in table):
        return [LAST]
    return [i + 1 for i in range(n_columns - 1) if all(_is_tag(columns[i]) for columns in table)] or [LAST]


def told_column(path: Path, rows: Sequence[str]) -> int:
    """The column of the tags.

    RAISES CorpusError: the last holds no tags and more than one other does.
    """
    found = tag_columns(rows)
    if len(found) > 1:
        raise CorpusError(Errors.many_columns.format(path=path, found=", ".join(map(str, found)), last=found[-1]))
    return found[0]


def read(source: Source, column: int = LAST) -> Iterator[Sentence | Invalid]:
    """Read word and tag. The sentences from one `-DOCSTART-` row to the next are one document.

    What `convert --to conll` writes is read without loss, see `misc_column`. Where such a file has told by its
    `-DOCSTART-` row that it is one, each row has MISC, and the tag `_` is unknown. In all other files `_` is a word or
    tag as any other, and a column between word and tag is MISC only where it holds a key: `SpaceAfter=No` or `Form=`.

    column: that of the tags: its number from 1, or, counted from the last, from -1 downwards. The word is the first
        column beside it.
    """
    path = source.path
    n_documents, document, told = 0, "", False
    sentence, error = _Rows(""), None  # the first of the sentence
    with source.text() as text:
        for line, row in enumerate(text, start=1):
            columns = _columns(row.rstrip("\r\n"))
            if not columns or columns[0] == DOCUMENT_START:
                if error or sentence.words:
                    yield Invalid(error) if error else sentence.whole()
                if columns:
                    n_documents += 1
                    name = read_document(columns)
                    told = told or name is not None
                    document = f"{path.name} {n_documents}" if name is None else name
                sentence, error = _Rows(document), None
                continue
            try:
                sentence.add(path, line, row, columns, column, told)
            except CorpusError as e:
                error = error or e
    if error or sentence.words:
        yield Invalid(error) if error else sentence.whole()


class _Rows:
    """The rows of a sentence that have been read."""

    def __init__(self, document: str) -> None:
        self.words: list[str] = []
        self._tags: list[str | None] = []
        self._lines: list[int] = []
        self._spaces: list[bool] = []
        self._has_spaces = False  # as at least one row has MISC
        self._document = document

    def add(self, path: Path, line: int, row: str, columns: list[str], column: int, told: bool) -> None:
        """Add a row.

        told: the file was written by `convert --to conll`.
        """
        n, shown = len(columns), row[:60].rstrip("\r\n")
        if n < 2:
            raise CorpusError(Errors.few_columns.format(path=path, line=line, text=shown[:40]))
        place = _place(column, n)
        if place is None:
            raise CorpusError(Errors.no_column.format(path=path, line=line, n=n, column=column, text=shown[:40]))
        word, tag = columns[0 if place else 1], columns[place]
        misc = read_misc(columns[1]) if n == 3 and place == 2 else None
        if told and misc is None:
            raise CorpusError(Errors.bad_misc.format(path=path, line=line, text=shown))
        if misc is not None and (told or columns[1] != UNKNOWN):
            word = word if misc.word is None else misc.word
            self._has_spaces = True
        check_row(path, line, word, tag, f", column {place + 1 if word else 1 if place else 2}")
        self.words.append(word)
        self._tags.append(None if told and tag == UNKNOWN else tag)
        self._lines.append(line)
        self._spaces.append(misc is None or misc.space)

    def whole(self) -> Sentence:
        """The sentence."""
        spaces = self._spaces if self._has_spaces else None
        return Sentence(self.words, self._tags, self._lines, spaces, self._document)


def _place(column: int, n: int) -> int | None:
    """The place of a column among n, from 0; None where there is none."""
    place = column - 1 if column > 0 else n + column
    return place if 0 <= place < n else None


def _is_tag(text: str) -> bool:
    return text == OUTSIDE or has_prefix(text)


def _columns(row: str) -> list[str]:
    row = row.rstrip(" \t")
    return row.split("\t") if "\t" in row else [column for column in row.split(" ") if column]
