"""Parse a row of a Hugging Face dataset for NER.

A row has words, and tags as strings or as numbers with names. Optional columns are `spaces`, whether a space follows
each word, and `document`, the name of the row's document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...decoding.tag_scheme import OUTSIDE, has_prefix
from ...errors import CorpusError, Errors
from ..sentence import Sentence, check_row
from ..span_text import document_name, encodable


class Columns(NamedTuple):
    """The names of the columns of the words and of their tags."""

    words: str
    tags: str


COLUMNS = Columns("tokens", "ner_tags")
WORDS = (COLUMNS.words, "words")
TAGS = (COLUMNS.tags, "tags", "labels", "ner")
"""Possible names of the columns. The first one is the name in the library's own datasets."""
SPACES, DOCUMENT = "spaces", "document"
_UNKNOWN = (-1, -100)
"""The number of an unknown label in `ClassLabel`, and the number that torch's loss ignores."""


def find_columns(where: object, names: Sequence[str], holds_tags: Callable[[str], bool]) -> Columns:
    """Find the columns of the words and of the tags.

    If no column is called `ner_tags` and several columns may hold the tags, the one that does is chosen.

    where (object): the location for the errors.
    names (Sequence[str]): the names of all columns.
    holds_tags (Callable): returns whether a column holds tags, see `has_tags`.
    RETURNS (Columns): the names of both columns.
    RAISES CorpusError: a column is missing, or several possible columns hold tags, or none of several does.
    """
    words = [name for name in WORDS if name in names][:1]
    tags = [name for name in TAGS if name in names]
    if COLUMNS.tags not in tags and len(tags) > 1:
        tag_columns = [name for name in tags if holds_tags(name)]
        if len(tag_columns) != 1:
            raise CorpusError(Errors.many_tag_keys.format(where=where, found=", ".join(tags)))
        tags = tag_columns
    missing = [name for name, columns in zip(COLUMNS, (words, tags), strict=True) if not columns]
    if missing:
        listed = ", ".join(names)[:200] or "none"
        raise CorpusError(Errors.missing_keys.format(where=where, found=listed, missing=", ".join(missing)))
    return Columns(words[0], tags[0])


def has_tags(cells: Iterable[object], names: Sequence[str] | None = None) -> bool:
    """Return whether a column holds tags: `O` or a tag with a prefix in any row.

    cells (Iterable[object]): the cells of the column.
    names (Sequence[str] | None): the tag of each number from 0. None (the default) if the tags are strings.
    """
    strings = names or (tag for cell in cells if isinstance(cell, list) for tag in cell)
    return any(isinstance(tag, str) and (tag == OUTSIDE or has_prefix(tag)) for tag in strings)


def sentence_of(
    path: Path,
    unit: str,
    row: int,
    cells: Mapping[str, Any],
    names: Sequence[str] | None,
    columns: Columns = COLUMNS,
    document_key: str = DOCUMENT,
) -> Sentence:
    """Build the sentence of a row.

    path (Path): the file, for the errors.
    unit (str): the unit that `row` counts, for the errors.
    row (int): the number of the row, from 1.
    cells (Mapping[str, Any]): the cells by column name. Words are strings. Tags are strings or numbers, None if
        unknown; the cell is None if all are unknown. `spaces` may be missing or None.
    names (Sequence[str] | None): the tag of each number from 0. None if the numbers have no names.
    columns (Columns): the names of the columns of the words and the tags, `tokens` and `ner_tags` by default.
    document_key (str): the column that names the document, `document` by default. It may be missing or None.
    RETURNS (Sentence): the sentence.
    RAISES CorpusError: a cell has another type or length. The message names file and row.
    """
    where = {"path": path, "unit": unit, "line": row}
    tokens, tags = (cells[column] for column in columns)
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise CorpusError(Errors.bad_tokens.format(**where, key=columns.words, found=_short(tokens)))
    if tags is None:
        tags = [None] * len(tokens)
    if not isinstance(tags, list):
        raise CorpusError(Errors.bad_ner_tags.format(**where, key=columns.tags, found=_short(tags)))
    if len(tags) != len(tokens):
        start = " ".join(tokens[:4])
        n = {"n_words": len(tokens), "n_tags": len(tags)}
        raise CorpusError(Errors.tag_count.format(**where, **n, key=columns.tags, start=start))
    named_tags: list[str | None] = []
    for i, (word, tag) in enumerate(zip(tokens, tags, strict=True), start=1):
        if isinstance(tag, int) and not isinstance(tag, bool):
            tag = _name_of_tag(tag, names, columns.tags, where)
        elif tag is not None and not isinstance(tag, str):
            raise CorpusError(Errors.bad_ner_tags.format(**where, key=columns.tags, found=_short(tags)))
        tag = None if tag is None else encodable(path, row, tag)
        check_row(path, row, encodable(path, row, word), "O" if tag is None else tag, f", word {i}", unit)
        named_tags.append(tag)
    spaces, document = cells.get(SPACES), cells.get(document_key)
    if spaces is not None and not _are_spaces(spaces, len(tokens)):
        raise CorpusError(Errors.bad_spaces.format(**where, found=_short(spaces), n_words=len(tokens)))
    if document is not None and type(document) not in (str, int):
        raise CorpusError(Errors.bad_document.format(**where, key=document_key, found=_short(document)))
    return Sentence(tokens, named_tags, [row] * len(tokens), spaces, document_name(path, document))


def _name_of_tag(tag: int, names: Sequence[str] | None, column: str, where: dict[str, Any]) -> str | None:
    """Return the name of a tag number; None if the number means unknown.

    RAISES CorpusError: the number has no name.
    """
    if tag in _UNKNOWN:
        return None
    if names is None:
        raise CorpusError(Errors.nameless_tag.format(**where, tag=tag, key=column))
    if not 0 <= tag < len(names):
        raise CorpusError(Errors.tag_number.format(**where, tag=tag, last=len(names) - 1))
    return names[tag]


def _are_spaces(value: object, n: int) -> bool:
    return isinstance(value, list) and len(value) == n and all(isinstance(space, bool) for space in value)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"
