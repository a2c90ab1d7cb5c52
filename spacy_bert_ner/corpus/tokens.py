"""A row of a Hugging Face dataset for NER: `tokens`, and `ner_tags` as strings or as numbers with names; beside them,
where they are there, `spaces`, whether one follows each token, and `document`, the name of the one that it is from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import CorpusError, Errors
from .passage import document_name, encodable
from .sentence import Sentence, check_row

COLUMNS = ("tokens", "ner_tags")
SPACES, DOCUMENT = "spaces", "document"
_UNKNOWN = (-1, -100)
"""`ClassLabel`'s number for a label that is not known, and that which torch's loss passes over."""


def sentence_of(
    path: Path, unit: str, row: int, cells: Mapping[str, Any], names: Sequence[str] | None, document_key: str = DOCUMENT
) -> Sentence:
    """The sentence of a row.

    unit: what `row` counts, for the errors.
    cells: by the names of the columns. `tokens` are strings; `ner_tags` strings or numbers, None where unknown, or one
        None for all; `spaces` may be missing or None.
    names: the tag of each number from 0; None where there are none.
    document_key: the column that names the document, which may be missing or None.
    RAISES CorpusError: it is something else.
    """
    where = {"path": path, "unit": unit, "line": row}
    tokens, tags = (cells[column] for column in COLUMNS)
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise CorpusError(Errors.bad_tokens.format(**where, found=_short(tokens)))
    if tags is None:
        tags = [None] * len(tokens)
    if not isinstance(tags, list):
        raise CorpusError(Errors.bad_ner_tags.format(**where, found=_short(tags)))
    if len(tags) != len(tokens):
        start = " ".join(tokens[:4])
        raise CorpusError(Errors.tag_count.format(**where, n_words=len(tokens), n_tags=len(tags), start=start))
    strings: list[str | None] = []
    for i, (word, tag) in enumerate(zip(tokens, tags, strict=True), start=1):
        if isinstance(tag, int) and not isinstance(tag, bool):
            if tag in _UNKNOWN:
                tag = None
            elif names is None:
                raise CorpusError(Errors.nameless_tag.format(**where, tag=tag))
            elif not 0 <= tag < len(names):
                raise CorpusError(Errors.tag_number.format(**where, tag=tag, last=len(names) - 1))
            else:
                tag = names[tag]
        elif tag is not None and not isinstance(tag, str):
            raise CorpusError(Errors.bad_ner_tags.format(**where, found=_short(tags)))
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
