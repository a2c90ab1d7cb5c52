"""Parse a row of a Hugging Face NER dataset.

A row contains words and a tag for each word. Tags are strings, or indices into a list of tag names. The optional column
`spaces` specifies whether a space follows each word. The optional column `document` contains the document name.
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
    """The names of the word and tag columns."""

    words: str
    tags: str


COLUMNS = Columns("tokens", "ner_tags")
WORDS = (COLUMNS.words, "words")
TAGS = (COLUMNS.tags, "tags", "labels", "ner")
"""Possible column names. The first one is the usual name in Hugging Face datasets."""
SPACES, DOCUMENT = "spaces", "document"
_UNKNOWN = (-1, -100)
"""The numbers for unknown tags: `ClassLabel` uses -1, and PyTorch's loss functions ignore -100."""


def find_columns(where: object, names: Sequence[str], holds_tags: Callable[[str], bool]) -> Columns:
    """Find the word and tag columns.

    If there is no column `ner_tags` and several columns may contain the tags, the only one whose cells contain tags is
    chosen.

    where (object): the location, for error messages.
    names (Sequence[str]): the names of all columns.
    holds_tags (Callable): a function that takes a column name and returns whether the column contains tags. See
        `has_tags`.
    RETURNS (Columns): the names of the word and tag columns.
    RAISES CorpusError: a column is missing, or the tag column is ambiguous.
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
    """Return whether any value in a column is `O` or a tag with a prefix.

    cells (Iterable[object]): the cells in the column.
    names (Sequence[str] | None): the tag for each number, from 0. Default: None (the tags are strings).
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
    """Create the sentence for a row.

    path (Path): the file path, for error messages.
    unit (str): the unit that `row` counts, such as "line" or "row", for error messages.
    row (int): the row number, from 1.
    cells (Mapping[str, Any]): the cells by column name. Words are strings. Tags are strings, numbers or None (unknown).
        If all tags are unknown, the tag cell may be None. `spaces` may be missing or None.
    names (Sequence[str] | None): the tag for each number, from 0. None if the numbers have no names.
    columns (Columns): the names of the word and tag columns. Default: `tokens` and `ner_tags`.
    document_key (str): the name of the column with the document name. The cell may be missing or None. Default:
        `document`.
    RETURNS (Sentence): the sentence.
    RAISES CorpusError: a cell has an invalid type, length or value. The message includes the file and row.
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
    """Return the name for a tag number, or None if the number marks the tag as unknown.

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
