"""Read the words and tags in a CSV file with one of the two Groningen Meaning Bank layouts for NER.

A file with one sentence per row has the columns `text,labels`. Words and tags are both separated by single spaces or
both written as lists.

A file with one token per row has the columns `Sentence #,Word,POS,Tag`. The sentence number is in the first row of each
sentence or in every row. Without this column, blank rows end the sentences.

`csv_layout` handles other column names, other delimiters and files without a header.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, TextIO

from ...errors import CorpusError, Errors
from ..sentence import Invalid, Sentence, check_row
from ..span_text import encodable, shorten
from .csv_layout import (
    EMPTY,
    SENTENCE_COLUMNS,
    TOKEN_COLUMNS,
    AmbiguousColumnsError,
    CsvLayout,
    csv_reader,
    is_excel_row,
    plain_number,
    read_words,
    sentence_layout,
    token_layout,
    unquoted,
)
from .list_cell import read_list
from .text_source import TextSource

_HEAD = 1000, 1 << 18
"""Maximum number of rows and maximum number of characters from which the layout is inferred."""
_MAX_WITHOUT_END, _FEW_WITHOUT_END = 1000, 50
"""Limits for the number of rows before the first sentence ends. Exceeding the first limit is an error. Exceeding the
second limit adds a note."""
_LINE_ENDS = frozenset("\r\n")


class _BadRow(NamedTuple):
    """An invalid row.

    error (CorpusError): the error for the row.
    number (str | None): the sentence number. Default: None (unknown).
    """

    error: CorpusError
    number: str | None = None


Cells = tuple[str, ...]
"""The cells in a row: sentence number, word, tag and, if requested, document. In a file with one sentence per row, the
second cell contains all words and the third contains all tags."""
Row = tuple[int, Cells, _BadRow | None]
"""The line number on which a row begins, its cells, and None. For an invalid row, the cells are empty and the last item
is the `_BadRow`."""


class _Group:
    """The rows of a sentence.

    rows (list[tuple[int, Cells]]): the valid rows with their line numbers.
    error (CorpusError | None): the error for the first invalid row. None if all rows are valid.
    """

    __slots__ = ("error", "rows")

    def __init__(self, error: CorpusError | None = None) -> None:
        self.rows: list[tuple[int, Cells]] = []
        self.error = error

    def __bool__(self) -> bool:
        return bool(self.rows or self.error)

    def add(self, line: int, cells: Cells, bad_row: _BadRow | None) -> None:
        """Add a valid row or store the error for an invalid row.

        line (int): the line number of the row.
        cells (Cells): the cells in the row.
        bad_row (_BadRow | None): the invalid row. None if the row is valid.
        """
        if bad_row is None:
            self.rows.append((line, cells))
        else:
            self.error = self.error or bad_row.error


def is_sentences(rows: Sequence[str]) -> bool:
    """Return whether the first rows contain one sentence per row."""
    return _has_layout(sentence_layout, rows)


def is_tokens(rows: Sequence[str]) -> bool:
    """Return whether the first rows contain one token per row."""
    return _has_layout(token_layout, rows)


def _has_layout(infer: Callable[..., CsvLayout | None], rows: Sequence[str]) -> bool:
    try:
        return infer(rows) is not None
    except AmbiguousColumnsError:  # the reader reports this error with the file path
        return True


def read_sentences(source: TextSource, document_key: str | None = None) -> Iterator[Sentence | Invalid]:
    """Read a CSV file with one sentence per row.

    source (TextSource): the file.
    document_key (str | None): the column with the document names. Default: None (no document names).
    YIELDS (Sentence | Invalid): the sentence, or the error if the row is invalid.
    RAISES CorpusError: a column is missing or ambiguous.
    """
    layout = _infer_layout(source, "gmb-sentences", sentence_layout, SENTENCE_COLUMNS)
    for line, cells, bad_row in _rows(source, layout, document_key):
        if bad_row is not None:
            yield Invalid(bad_row.error)
            continue
        try:
            if sentence := _sentence(source.path, line, cells):
                yield sentence
        except CorpusError as e:
            yield Invalid(e)


def _sentence(path: Path, line: int, cells: Cells) -> Sentence | None:
    """Create the sentence for a row. Return None if the row has no words and no tags.

    RAISES CorpusError: the words or tags are invalid. The message includes the file and line.
    """
    _, words_cell, tags_cell, *document = cells
    try:
        listed_tags = read_list(tags_cell)
    except ValueError as e:
        raise CorpusError(Errors.bad_list.format(path=path, line=line, found=shorten(tags_cell))) from e
    if listed_tags is None:
        listed_tags, words = [*tags_cell.split(" ")], words_cell.split(" ")
    else:
        words = read_words(words_cell, len(listed_tags))
    tags = _check_tags(path, line, listed_tags)
    if len(words) != len(tags):
        start = " ".join(words[:4])
        raise CorpusError(
            Errors.label_count.format(path=path, line=line, n_words=len(words), n_tags=len(tags), start=start)
        )
    for i, (word, tag) in enumerate(zip(words, tags, strict=True), start=1):
        check_row(path, line, encodable(path, line, word), "O" if tag is None else tag, f", word {i}")
    return Sentence(words, tags, [line] * len(words), document="".join(document)) if words else None


def _check_tags(path: Path, line: int, listed: list[object]) -> list[str | None]:
    """Check the tags in a list and return them. None represents an unknown tag.

    RAISES CorpusError: an element is neither a string nor None.
    """
    for tag in listed:
        if type(tag) is int:
            raise CorpusError(Errors.numbered_tag.format(path=path, line=line, tag=tag))
        if tag is not None and not isinstance(tag, str):
            raise CorpusError(Errors.bad_list.format(path=path, line=line, found=shorten(listed)))
    return [tag if tag is None else encodable(path, line, str(tag)) for tag in listed]


def read_tokens(source: TextSource, document_key: str | None = None) -> Iterator[Sentence | Invalid]:
    """Read a CSV file with one token per row.

    source (TextSource): the file.
    document_key (str | None): the column with the document names. The first row of each sentence specifies its
        document. Default: None (no document names).
    YIELDS (Sentence | Invalid): the sentence, or the error if it is invalid.
    RAISES CorpusError: a column is missing or ambiguous, or no sentence ends within the first 1000 rows.
    """
    layout = _infer_layout(source, "gmb-tokens", token_layout, TOKEN_COLUMNS)
    source.tag_place = f", {layout.describe(layout.tag)}"
    has_numbers = layout.sentence is not None
    if source.columns:
        separator = "blank rows" if layout.sentence is None else layout.describe(layout.sentence)
        source.columns += f", sentences by {separator}"
    rows = _rows(source, layout, document_key, keeps_blank=not has_numbers)
    checked_tags: set[str] = set()
    for group in _group_by_number(rows) if has_numbers else _group_by_blank_row(source, rows):
        try:
            if group.error:
                raise group.error
            yield _token_sentence(source.path, layout, group.rows, checked_tags)
        except CorpusError as e:
            yield Invalid(e)


def _group_by_number(rows: Iterator[Row]) -> Iterator[_Group]:
    """Group rows into sentences. A new sentence number begins a new sentence.

    An invalid row whose number is unknown is assigned to the previous sentence. In a file that numbers every row, it
    could belong to the next sentence instead, so that sentence gets the same error.
    """
    group = _Group()
    pending_error: CorpusError | None = None  # the error for preceding invalid rows with an unknown number
    last_number, repeats = "", False  # `repeats` is True if every row has a sentence number
    for line, cells, bad_row in rows:
        if bad_row is not None and _has_unknown_number(bad_row, last_number):
            pending_error = pending_error or bad_row.error
            group.add(line, cells, bad_row)
            continue
        number = cells[0] if bad_row is None else bad_row.number or ""
        if number in EMPTY:
            pass  # true for most rows
        elif number == last_number or plain_number(number) == plain_number(last_number):
            repeats = True
        else:
            if group:
                yield group
            group, last_number = _Group(pending_error if repeats else None), number
        pending_error = None
        group.add(line, cells, bad_row)
    if group:
        yield group


def _has_unknown_number(row: _BadRow, last_number: str) -> bool:
    """Return whether an invalid row has no sentence number or one with a new prefix.

    A prefix that differs from the previous row's prefix may mean that the cells have shifted.
    """
    if row.number is None:
        return True
    return bool(row.number and last_number) and _without_digits(row.number) != _without_digits(last_number)


def _group_by_blank_row(source: TextSource, rows: Iterator[Row]) -> Iterator[_Group]:
    """Group rows into sentences. A sentence ends with a blank row or a row with neither a word nor a tag.

    RAISES CorpusError: there is no such row among the first 1000 rows.
    """
    group = _Group()
    has_end = False
    for line, cells, bad_row in rows:
        if bad_row is not None or any(cells[1:3]):
            group.add(line, cells, bad_row)
        else:
            has_end = True
            if group:
                yield group
            group = _Group()
        if not has_end and len(group.rows) > _MAX_WITHOUT_END:
            line = group.rows[0][0]
            raise CorpusError(Errors.no_sentence_end.format(path=source.path, line=line, n=_MAX_WITHOUT_END))
    if group:
        yield group
    if not has_end and len(group.rows) > _FEW_WITHOUT_END:
        source.note(Errors.one_sentence.format(n=len(group.rows)))


def _token_sentence(path: Path, layout: CsvLayout, rows: list[tuple[int, Cells]], checked_tags: set[str]) -> Sentence:
    """Create a sentence from its rows.

    checked_tags (set[str]): the tags that have already been checked. New tags are added.
    RAISES CorpusError: the sentence number is missing, or a word or tag is invalid. The message includes the file and
        line.
    """
    first_line, first_cells = rows[0]
    if layout.sentence is not None and first_cells[0] in EMPTY:
        raise CorpusError(Errors.no_sentence.format(path=path, line=first_line))
    words = [cells[1] for _, cells in rows]
    tags: list[str | None] = [cells[2] for _, cells in rows]
    if not (all(words) and checked_tags.issuperset(tags)):
        for line, (_, word, tag, *_) in rows:
            check_row(path, line, word, tag, f", {layout.describe(layout.tag if word else layout.word)}")
            checked_tags.add(tag)
    if not _LINE_ENDS.isdisjoint("".join(words)):
        line, word = next((line, cells[1]) for line, cells in rows if not _LINE_ENDS.isdisjoint(cells[1]))
        raise CorpusError(Errors.word_with_break.format(path=path, line=line, word=shorten(word)))
    return Sentence(words, tags, [line for line, _ in rows], document="".join(first_cells[3:]))


def _infer_layout(
    source: TextSource, format: str, infer: Callable[..., CsvLayout | None], usual: Sequence[str]
) -> CsvLayout:
    """Infer the layout of a file. If its columns have unusual names, describe them in `source.columns`.

    RAISES CorpusError: a column is missing or ambiguous.
    """
    rows = [row for _, row in source.head(*_HEAD)]
    try:
        layout = infer(rows, is_named=True)
    except AmbiguousColumnsError as e:
        names = ", ".join(e.names)
        raise CorpusError(Errors.ambiguous_columns.format(path=source.path, names=names, wanted=e.wanted)) from e
    if layout is None:
        try:
            header = next(csv_reader(rows, ","), [])
        except csv.Error as e:
            raise CorpusError(Errors.bad_csv.format(path=source.path, line=1, reason=e)) from e
        found, needed = ", ".join(header) or "none", ", ".join(usual)
        raise CorpusError(Errors.missing_columns.format(path=source.path, found=found, format=format, needed=needed))
    is_usual = layout.header and all(name in layout.header for name in usual)
    tag, word = layout.describe(layout.tag), layout.describe(layout.word)
    source.columns = "" if is_usual else f", tags in {tag}, words in {word}"
    return layout


def _rows(
    source: TextSource, layout: CsvLayout, document_key: str | None, *, keeps_blank: bool = False
) -> Iterator[Row]:
    """Yield each row's cells and the line number on which it begins. Yield an error for an invalid row.

    keeps_blank (bool): whether to yield empty cells for a blank row. Default: False.
    """
    path, header, i_number = source.path, layout.header, layout.sentence
    if document_key is not None and document_key not in header:
        columns = ", ".join(header) or "none"
        raise CorpusError(Errors.no_document_key.format(path=path, line=1, key=document_key, found=columns))
    i_document = [] if document_key is None else [header.index(document_key)]
    pick = itemgetter(layout.word if i_number is None else i_number, layout.word, layout.tag, *i_document)
    with source.text(newline="") as text:
        for begin, row in _csv_rows(path, text, layout):
            if isinstance(row, _BadRow):
                yield begin, (), row
            elif len(row) == layout.n_columns:
                yield begin, pick(row), None
            elif not _is_blank(row):
                yield begin, (), _field_count_error(path, begin, row, layout)
            elif keeps_blank:
                yield begin, ("", "", ""), None


def _csv_rows(path: Path, text: TextIO, layout: CsvLayout) -> Iterator[tuple[int, list[str] | _BadRow]]:
    """Yield each row after the header and the line number on which it begins. Yield an error for an invalid row."""
    reader = csv_reader(text, layout.delimiter)
    rows = map(unquoted, reader) if layout.delimiter == "\t" else iter(reader)
    if layout.header:
        next(row for row in rows if not _is_blank(row) and not is_excel_row(layout.delimiter.join(row)))
    while True:
        begin = reader.line_num + 1
        try:
            for row in rows:
                yield begin, row
                begin = reader.line_num + 1
            return
        except csv.Error as e:  # the reader continues with the next line after an error
            yield begin, _BadRow(CorpusError(Errors.bad_csv.format(path=path, line=begin, reason=e)))


def _field_count_error(path: Path, line: int, row: list[str], layout: CsvLayout) -> _BadRow:
    """Create the error for a row with the wrong number of cells. Include the row's sentence number if it has one."""
    message = Errors.field_count.format(path=path, line=line, found=len(row), needed=layout.n_columns)
    has_number = layout.sentence is not None and layout.sentence < len(row)
    return _BadRow(CorpusError(message), row[layout.sentence or 0] if has_number else None)


def _without_digits(number: str) -> str:
    """Return a sentence number without its trailing digits.

    All sentence numbers in a file have the same prefix, such as `Sentence: `.
    """
    return number.rstrip("0123456789")


def _is_blank(row: list[str]) -> bool:
    return not row or (len(row) == 1 and not row[0].strip(" \t"))
