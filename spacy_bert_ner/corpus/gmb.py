"""The two CSV layouts in which the Groningen Meaning Bank goes round for NER.

A row a sentence: `text,labels`, words and tags both separated by single spaces.
A row a token: `Sentence #,Word,POS,Tag`, the first column filled on the first row of a sentence, or on all of its rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, cast

from ..errors import CorpusError, Errors
from .sentence import Invalid, Sentence, check_row
from .source import Source

SENTENCE_COLUMNS = ("text", "labels")
TOKEN_COLUMNS = ("Sentence #", "Word", "Tag")


class _BadRow(NamedTuple):
    """In place of the fields of a row that is none; its sentence number, None where that cannot be told."""

    error: CorpusError
    number: str | None = None


Fields = tuple[str, ...] | _BadRow


def is_sentences(rows: Sequence[str]) -> bool:
    """Whether the first row is the header of a row a sentence."""
    return set(SENTENCE_COLUMNS) <= set(_header(rows[0]))


def is_tokens(rows: Sequence[str]) -> bool:
    """Whether the first row is the header of a row a token."""
    return set(TOKEN_COLUMNS) <= set(_header(rows[0]))


def read_sentences(source: Source, document_key: str | None = None) -> Iterator[Sentence | Invalid]:
    """Read a row a sentence.

    document_key: the column that names the document of a row.
    """
    for line, fields in _rows(source, "gmb-sentences", SENTENCE_COLUMNS, document_key):
        try:
            yield _sentence(source.path, line, fields)
        except CorpusError as e:
            yield Invalid(e)


def _sentence(path: Path, line: int, fields: Fields) -> Sentence:
    if isinstance(fields, _BadRow):
        raise fields.error
    words_field, tags_field, *document = fields
    # By the single space, not by white space: a word may be U+0085, which `str.split()` takes for a separator.
    words, tags = words_field.split(" "), tags_field.split(" ")
    if len(words) != len(tags):
        start = " ".join(words[:4])
        raise CorpusError(
            Errors.label_count.format(path=path, line=line, n_words=len(words), n_tags=len(tags), start=start)
        )
    for i, (word, tag) in enumerate(zip(words, tags, strict=True), start=1):
        check_row(path, line, word, tag, f", word {i}")
    return Sentence(words, [*tags], [line] * len(words), document="".join(document))


def read_tokens(source: Source, document_key: str | None = None) -> Iterator[Sentence | Invalid]:
    """Read a row a token.

    document_key: the column that names the document of a sentence, in its first row.
    """
    path = source.path
    sentence: Sentence | None = None
    error: CorpusError | None = None  # the first of the sentence
    unplaced: CorpusError | None = None  # of a row just before that may be of this sentence, or of the next
    last_number, repeats = "", False  # whether each row has the number of its sentence
    known: set[str] = set()  # tags that were checked
    words: list[str] = []
    tags: list[str | None] = []
    lines: list[int] = []
    for line, fields in _rows(source, "gmb-tokens", TOKEN_COLUMNS, document_key):
        if not isinstance(fields, _BadRow) and not fields[0] and sentence is not None:
            word, tag = fields[1], fields[2]
            if word and tag in known:
                # As most rows are: a further word of the sentence, with a tag that was checked.
                words.append(word)
                tags.append(tag)
                lines.append(line)
                unplaced = None
                continue
        bad = fields.error if isinstance(fields, _BadRow) else None
        number = fields.number if isinstance(fields, _BadRow) else fields[0]
        if number is None or (bad and number and last_number and _bare(number) != _bare(last_number)):
            unplaced = unplaced or bad
            error = error or bad
            continue
        if number and number != last_number:
            last_number = number
            if error or sentence:
                yield Invalid(error) if error else cast(Sentence, sentence)
            words, tags, lines = [], [], []
            document = "" if isinstance(fields, _BadRow) else "".join(fields[3:])
            sentence, error = Sentence(words, tags, lines, document=document), unplaced if repeats else None
        elif number:
            repeats = True
        unplaced = None
        if isinstance(fields, _BadRow):
            error = error or bad
            continue
        _, word, tag, *_ = fields
        if sentence is None:
            error = error or CorpusError(Errors.no_sentence.format(path=path, line=line))
            continue
        if not word or tag not in known:
            try:
                check_row(path, line, word, tag, f", column {'Tag' if word else 'Word'}")
                known.add(tag)
            except CorpusError as e:
                error = error or e
        words.append(word)
        tags.append(tag)
        lines.append(line)
    if error or sentence:
        yield Invalid(error) if error else cast(Sentence, sentence)


def _rows(
    source: Source, format: str, columns: tuple[str, ...], document_key: str | None
) -> Iterator[tuple[int, Fields]]:
    """The wanted columns of each row, with the line on which the row begins; an error for a row that is none."""
    path, begin = source.path, 1
    with source.text(newline="") as text:
        reader = csv.reader(text, strict=True)
        try:
            header = next((row for row in reader if not _is_blank(row)), [])
        except csv.Error as e:
            raise CorpusError(Errors.bad_csv.format(path=path, line=begin, reason=e)) from e
        wanted = columns if document_key is None else (*columns, document_key)
        if missing := [column for column in wanted if column not in header]:
            found, needed = ", ".join(header) or "none", ", ".join(columns)
            if missing == [document_key]:
                raise CorpusError(Errors.no_document_key.format(path=path, line=1, key=document_key, found=found))
            raise CorpusError(Errors.missing_columns.format(path=path, found=found, format=format, needed=needed))
        pick = itemgetter(*(header.index(column) for column in wanted))
        n_fields, i_number = len(header), header.index(columns[0])
        while True:
            begin = reader.line_num + 1
            try:
                for row in reader:
                    if len(row) == n_fields:
                        yield begin, pick(row)
                    elif not _is_blank(row):
                        message = Errors.field_count.format(path=path, line=begin, found=len(row), needed=n_fields)
                        yield begin, _BadRow(CorpusError(message), row[i_number] if i_number < len(row) else None)
                    begin = reader.line_num + 1
                return
            except csv.Error as e:  # after which the reader goes on with the next line
                yield begin, _BadRow(CorpusError(Errors.bad_csv.format(path=path, line=begin, reason=e)))


def _bare(number: str) -> str:
    """A sentence number without its digits: `Sentence: `, which those of one file have in common."""
    return number.rstrip("0123456789")


def _is_blank(row: list[str]) -> bool:
    return not row or (len(row) == 1 and not row[0].strip(" \t"))


def _header(head: str) -> list[str]:
    try:
        return next(csv.reader([head]), [])
    except csv.Error:
        return []
