"""CSV of words and tags, in the two layouts in which the Groningen Meaning Bank goes round for NER.

A row a sentence: `text,labels`, words and tags both separated by single spaces, or both lists.
A row a token: `Sentence #,Word,POS,Tag`, the first column filled on the first row of a sentence, or on all of its rows;
without it, blank rows end the sentences.

Other names of the columns, other delimiters and files without a header: see `csv_layout`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

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
"""Rows and characters from which the layout is told."""
_MAX_WITHOUT_END, _FEW_WITHOUT_END = 1000, 50
"""Rows without any end of a sentence: of more it is an error, of fewer nothing is said."""
_LINE_ENDS = frozenset("\r\n")


class _BadRow(NamedTuple):
    """A row that is none; its sentence number, None where that cannot be told."""

    error: CorpusError
    number: str | None = None


Cells = tuple[str, ...]
"""The sentence number, the word, the tag and perhaps the document; or words and tags in the place of the two."""
Row = tuple[int, Cells, _BadRow | None]
"""The line on which a row begins, and its cells; or none of these, and what is wrong."""
Group = tuple[list[tuple[int, Cells]], CorpusError | None]
"""The rows of a sentence, without bad ones, and the error of the first of these."""


def is_sentences(rows: Sequence[str]) -> bool:
    """Whether the first rows are those of a row a sentence."""
    return _has(sentence_layout, rows)


def is_tokens(rows: Sequence[str]) -> bool:
    """Whether the first rows are those of a row a token."""
    return _has(token_layout, rows)


def _has(find: Callable[..., CsvLayout | None], rows: Sequence[str]) -> bool:
    try:
        return find(rows) is not None
    except AmbiguousColumnsError:  # which the reader refuses
        return True


def read_sentences(source: TextSource, document_key: str | None = None) -> Iterator[Sentence | Invalid]:
    """Read a row a sentence.

    document_key: the column that names the document of a row.
    """
    layout = _layout(source, "gmb-sentences", sentence_layout, SENTENCE_COLUMNS)
    for line, cells, bad in _rows(source, layout, document_key):
        if bad is not None:
            yield Invalid(bad.error)
            continue
        try:
            if sentence := _sentence(source.path, line, cells):
                yield sentence
        except CorpusError as e:
            yield Invalid(e)


def _sentence(path: Path, line: int, cells: Cells) -> Sentence | None:
    """The sentence of a row; None for one without words and tags."""
    _, words_field, tags_field, *document = cells
    try:
        listed = read_list(tags_field)
    except ValueError as e:
        raise CorpusError(Errors.bad_list.format(path=path, line=line, found=shorten(tags_field))) from e
    if listed is None:
        listed, words = [*tags_field.split(" ")], words_field.split(" ")
    else:
        words = read_words(words_field, len(listed))
    tags = _tags(path, line, listed)
    if len(words) != len(tags):
        start = " ".join(words[:4])
        raise CorpusError(
            Errors.label_count.format(path=path, line=line, n_words=len(words), n_tags=len(tags), start=start)
        )
    for i, (word, tag) in enumerate(zip(words, tags, strict=True), start=1):
        check_row(path, line, encodable(path, line, word), "O" if tag is None else tag, f", word {i}")
    return Sentence(words, tags, [line] * len(words), document="".join(document)) if words else None


def _tags(path: Path, line: int, listed: list[object]) -> list[str | None]:
    """The tags of a list, in which None is unknown."""
    for tag in listed:
        if type(tag) is int:
            raise CorpusError(Errors.numbered_tag.format(path=path, line=line, tag=tag))
        if tag is not None and not isinstance(tag, str):
            raise CorpusError(Errors.bad_list.format(path=path, line=line, found=shorten(listed)))
    return [tag if tag is None else encodable(path, line, str(tag)) for tag in listed]


def read_tokens(source: TextSource, document_key: str | None = None) -> Iterator[Sentence | Invalid]:
    """Read a row a token.

    document_key: the column that names the document of a sentence, in its first row.
    """
    layout = _layout(source, "gmb-tokens", token_layout, TOKEN_COLUMNS)
    source.tag_place = f", {layout.describe(layout.tag)}"
    if source.columns:
        by = "blank rows" if layout.sentence is None else layout.describe(layout.sentence)
        source.columns += f", sentences by {by}"
    rows = _rows(source, layout, document_key, keeps_blank=layout.sentence is None)
    known: set[str] = set()  # tags that were checked
    for group, error in _by_blank_row(source, rows) if layout.sentence is None else _by_number(rows):
        try:
            if error:
                raise error
            yield _token_sentence(source.path, layout, group, known)
        except CorpusError as e:
            yield Invalid(e)


def _by_number(rows: Iterator[Row]) -> Iterator[Group]:
    """The rows of each sentence, which begins with another number than that before.

    A bad row whose number cannot be told is of the sentence before. Where each row has the number of its sentence, it
    may also be of the next.
    """
    group: list[tuple[int, Cells]] = []
    error: CorpusError | None = None
    unplaced: CorpusError | None = None  # of a row just before, whose number cannot be told
    last, repeats = "", False  # the number; whether each row has that of its sentence
    for line, cells, bad in rows:
        if bad is not None and (bad.number is None or (bad.number and last and _bare(bad.number) != _bare(last))):
            unplaced, error = unplaced or bad.error, error or bad.error
            continue
        number = cells[0] if bad is None else bad.number or ""
        if number in EMPTY:
            pass  # as in most rows
        elif number == last or plain_number(number) == plain_number(last):
            repeats = True
        else:
            if group or error:
                yield group, error
            group, error, last = [], unplaced if repeats else None, number
        unplaced = None
        if bad is None:
            group.append((line, cells))
        else:
            error = error or bad.error
    if group or error:
        yield group, error


def _by_blank_row(source: TextSource, rows: Iterator[Row]) -> Iterator[Group]:
    """The same, of sentences that end with a blank row, or with one without word and tag.

    RAISES CorpusError: there is no such row for long.
    """
    group: list[tuple[int, Cells]] = []
    error: CorpusError | None = None
    has_end = False
    for line, cells, bad in rows:
        if bad is not None:
            error = error or bad.error
        elif any(cells[1:3]):
            group.append((line, cells))
        else:
            has_end = True
            if group or error:
                yield group, error
            group, error = [], None
        if not has_end and len(group) > _MAX_WITHOUT_END:
            line = group[0][0]
            raise CorpusError(Errors.no_sentence_end.format(path=source.path, line=line, n=_MAX_WITHOUT_END))
    if group or error:
        yield group, error
    if not has_end and len(group) > _FEW_WITHOUT_END:
        source.note(Errors.one_sentence.format(n=len(group)))


def _token_sentence(path: Path, layout: CsvLayout, rows: list[tuple[int, Cells]], known: set[str]) -> Sentence:
    """The sentence of its rows.

    known: tags that were checked, which grow.
    """
    begin, first = rows[0]
    if layout.sentence is not None and first[0] in EMPTY:
        raise CorpusError(Errors.no_sentence.format(path=path, line=begin))
    words = [cells[1] for _, cells in rows]
    tags: list[str | None] = [cells[2] for _, cells in rows]
    if not (all(words) and known.issuperset(tags)):
        for line, (_, word, tag, *_) in rows:
            check_row(path, line, word, tag, f", {layout.describe(layout.tag if word else layout.word)}")
            known.add(tag)
    if not _LINE_ENDS.isdisjoint("".join(words)):
        line, word = next((line, cells[1]) for line, cells in rows if not _LINE_ENDS.isdisjoint(cells[1]))
        raise CorpusError(Errors.word_with_break.format(path=path, line=line, word=shorten(word)))
    return Sentence(words, tags, [line for line, _ in rows], document="".join(first[3:]))


def _layout(source: TextSource, format: str, find: Callable[..., CsvLayout | None], usual: Sequence[str]) -> CsvLayout:
    """The layout of a file.

    RAISES CorpusError: the columns are not there, or one of them twice.
    """
    rows = [row for _, row in source.head(*_HEAD)]
    try:
        layout = find(rows, is_named=True)
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
    """The cells of each row, with the line on which it begins; an error for a row that is none.

    keeps_blank: yield empty cells for a blank row.
    """
    path, header, n_cells = source.path, layout.header, layout.n_columns
    if document_key is not None and document_key not in header:
        found = ", ".join(header) or "none"
        raise CorpusError(Errors.no_document_key.format(path=path, line=1, key=document_key, found=found))
    i_number = layout.sentence
    document = [] if document_key is None else [header.index(document_key)]
    pick = itemgetter(layout.word if i_number is None else i_number, layout.word, layout.tag, *document)
    with source.text(newline="") as text:
        reader = csv_reader(text, layout.delimiter)
        rows = map(unquoted, reader) if layout.delimiter == "\t" else iter(reader)
        if header:
            next(row for row in rows if not _is_blank(row) and not is_excel_row(layout.delimiter.join(row)))
        while True:
            begin = reader.line_num + 1
            try:
                for row in rows:
                    if len(row) == n_cells:
                        yield begin, pick(row), None
                    elif not _is_blank(row):
                        message = Errors.field_count.format(path=path, line=begin, found=len(row), needed=n_cells)
                        number = row[i_number] if i_number is not None and i_number < len(row) else None
                        yield begin, (), _BadRow(CorpusError(message), number)
                    elif keeps_blank:
                        yield begin, ("", "", ""), None
                    begin = reader.line_num + 1
                return
            except csv.Error as e:  # after which the reader goes on with the next line
                yield begin, (), _BadRow(CorpusError(Errors.bad_csv.format(path=path, line=begin, reason=e)))


def _bare(number: str) -> str:
    """A sentence number without its digits: `Sentence: `, which those of one file have in common."""
    return number.rstrip("0123456789")


def _is_blank(row: list[str]) -> bool:
    return not row or (len(row) == 1 and not row[0].strip(" \t"))
