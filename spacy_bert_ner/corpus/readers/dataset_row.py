"""A row of a Hugging Face dataset for NER: words, and tags as strings or as numbers with names; beside them, where they
are there, `spaces`, whether one follows each word, and `document`, the name of the one that it is from."""

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
"""Names that the columns have; the first is that of the library's own datasets."""
SPACES, DOCUMENT = "spaces", "document"
_UNKNOWN = (-1, -100)
"""`ClassLabel`'s number for a label that is not known, and that which torch's loss passes over."""


def find_columns(where: object, names: Sequence[str], holds_tags: Callable[[str], bool]) -> Columns:
    """The columns of the words and of the tags. If none is called `ner_tags` and several may be it, the one that holds
    tags is.

    where: for the errors.
    names: of all columns.
    holds_tags: whether a column holds tags, see `has_tags`.
    RAISES CorpusError: one is missing, or several hold tags, or none of several does.
    """
    words = [name for name in WORDS if name in names][:1]
    tags = [name for name in TAGS if name in names]
    if COLUMNS.tags not in tags and len(tags) > 1:
        holding = [name for name in tags if holds_tags(name)]
        if len(holding) != 1:
            raise CorpusError(Errors.many_tag_keys.format(where=where, found=", ".join(tags)))
        tags = holding
    missing = [name for name, found in zip(COLUMNS, (words, tags), strict=True) if not found]
    if missing:
        found = ", ".join(names)[:200] or "none"
        raise CorpusError(Errors.missing_keys.format(where=where, found=found, missing=", ".join(missing)))
    return Columns(words[0], tags[0])


def has_tags(cells: Iterable[object], names: Sequence[str] | None = None) -> bool:
    """Whether a column holds tags: in some row there is `O`, or a tag with a prefix.

    names: the tag of each number from 0.
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
    """The sentence of a row.

    unit: what `row` counts, for the errors.
    cells: by the names of the columns. Words are strings; tags strings or numbers, None where unknown, or one None for
        all; `spaces` may be missing or None.
    names: the tag of each number from 0; None where there are none.
    columns: the names of the columns of the words and of the tags.
    document_key: the column that names the document, which may be missing or None.
    RAISES CorpusError: it is something else.
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
    strings: list[str | None] = []
    for i, (word, tag) in enumerate(zip(tokens, tags, strict=True), start=1):
        if isinstance(tag, int) and not isinstance(tag, bool):
            if tag in _UNKNOWN:
                tag = None
            elif names is None:
                raise CorpusError(Errors.nameless_tag.format(**where, tag=tag, key=columns.tags))
            elif not 0 <= tag < len(names):
                raise CorpusError(Errors.tag_number.format(**where, tag=tag, last=len(names) - 1))
            else:
                tag = names[tag]
        elif tag is not None and not isinstance(tag, str):
            raise CorpusError(Errors.bad_ner_tags.format(**where, key=columns.tags, found=_short(tags)))
        tag = None if tag is None else encodable(path, row, tag)
        check_row(path, row, encodable(path, row, word), "O" if tag is None else tag, f", word {i}", unit)
        strings.append(tag)
    spaces, document = cells.get(SPACES), cells.get(document_key)
    if spaces is not None and not _are_spaces(spaces, len(tokens)):
        raise CorpusError(Errors.bad_spaces.format(**where, found=_short(spaces), n_words=len(tokens)))
    if document is not None and type(document) not in (str, int):
        raise CorpusError(Errors.bad_document.format(**where, key=document_key, found=_short(document)))
    return Sentence(tokens, strings, [row] * len(tokens), spaces, document_name(path, document))


def _are_spaces(found: object, n: int) -> bool:
    return isinstance(found, list) and len(found) == n and all(isinstance(space, bool) for space in found)


def _short(found: object) -> str:
    text = repr(found)
    return text if len(text) <= 60 else text[:60] + "…"
