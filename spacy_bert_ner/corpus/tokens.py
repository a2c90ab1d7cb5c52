"""A row of a Hugging Face dataset for NER: `tokens`, and `ner_tags` as strings or as numbers with names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import CorpusError, Errors
from .sentence import Sentence, check_row

COLUMNS = ("tokens", "ner_tags")
_UNKNOWN = (-1, -100)
"""`ClassLabel`'s number for a label that is not known, and that which torch's loss passes over."""


def sentence_of(path: Path, unit: str, row: int, tokens: object, tags: object, names: Sequence[str] | None) -> Sentence:
    """The sentence of a row.

    unit: what `row` counts, for the errors.
    tokens: strings.
    tags: strings or numbers, None where unknown; None where all are.
    names: the tag of each number from 0; None where there are none.
    RAISES CorpusError: it is something else.
    """
    where = {"path": path, "unit": unit, "line": row}
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
        check_row(path, row, word, "O" if tag is None else tag, f", word {i}", unit)
        strings.append(tag)
    return Sentence(tokens, strings, [row] * len(tokens))


def _short(found: object) -> str:
    text = repr(found)
    return text if len(text) <= 60 else text[:60] + "…"
