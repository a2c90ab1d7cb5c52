"""The two CSV layouts in which the Groningen Meaning Bank goes round for NER.

A row a sentence: `text,labels`, words and tags both separated by single spaces.
A row a token: `Sentence #,Word,POS,Tag`, the first column filled on the first row of a sentence, or on all of its rows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from operator import itemgetter

from ..errors import CorpusError, Errors
from .sentence import Sentence, check_row
from .source import Source

SENTENCE_COLUMNS = ("text", "labels")
TOKEN_COLUMNS = ("Sentence #", "Word", "Tag")


def is_sentences(rows: Sequence[str]) -> bool:
    """Whether the first row is the header of a row a sentence."""
    return set(SENTENCE_COLUMNS) <= set(_header(rows[0]))


def is_tokens(rows: Sequence[str]) -> bool:
    """Whether the first row is the header of a row a token."""
    return set(TOKEN_COLUMNS) <= set(_header(rows[0]))


def read_sentences(source: Source) -> Iterator[Sentence]:
    """Read a row a sentence."""
    path = source.path
    for line, (words_field, tags_field) in _rows(source, "gmb-sentences", SENTENCE_COLUMNS):
        # By the single space, not by white space: a word may be U+0085, which `str.split()` takes for a separator.
        words, tags = words_field.split(" "), tags_field.split(" ")
        if len(words) != len(tags):
            start = " ".join(words[:4])
            raise CorpusError(
                Errors.label_count.format(path=path, line=line, n_words=len(words), n_tags=len(tags), start=start)
            )
        for word, tag in zip(words, tags, strict=True):
            check_row(path, line, word, tag)
        yield Sentence(words, [*tags], [line] * len(words))


def read_tokens(source: Source) -> Iterator[Sentence]:
    """Read a row a token."""
    path = source.path
    sentence: Sentence | None = None
    last_number = ""
    known: set[str] = set()  # tags that were checked
    for line, (number, word, tag) in _rows(source, "gmb-tokens", TOKEN_COLUMNS):
        if number and number != last_number:
            last_number = number
            if sentence:
                yield sentence
            words: list[str] = []
            tags: list[str | None] = []
            lines: list[int] = []
            sentence = Sentence(words, tags, lines)
        if sentence is None:
            raise CorpusError(Errors.no_sentence.format(path=path, line=line))
        if not word or tag not in known:
            check_row(path, line, word, tag)
            known.add(tag)
        words.append(word)
        tags.append(tag)
        lines.append(line)
    if sentence:
        yield sentence


def _rows(source: Source, format: str, columns: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The wanted columns of each row, with the line on which the row begins."""
    path, begin = source.path, 1
    try:
        with source.text(newline="") as text:
            reader = csv.reader(text, strict=True)
            header = next((row for row in reader if not _is_blank(row)), [])
            missing = [column for column in columns if column not in header]
            if missing:
                found = ", ".join(header) or "none"
                needed = ", ".join(columns)
                raise CorpusError(Errors.missing_columns.format(path=path, found=found, format=format, needed=needed))
            pick = itemgetter(*(header.index(column) for column in columns))
            begin, n_fields = reader.line_num + 1, len(header)
            for row in reader:
                if len(row) == n_fields:
                    yield begin, pick(row)
                elif not _is_blank(row):
                    message = Errors.field_count.format(path=path, line=begin, found=len(row), needed=n_fields)
                    raise CorpusError(message)
                begin = reader.line_num + 1
    except csv.Error as e:
        raise CorpusError(Errors.bad_csv.format(path=path, line=begin, reason=e)) from e


def _is_blank(row: list[str]) -> bool:
    return not row or (len(row) == 1 and not row[0].strip(" \t"))


def _header(head: str) -> list[str]:
    try:
        return next(csv.reader([head]), [])
    except csv.Error:
        return []
