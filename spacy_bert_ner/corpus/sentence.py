"""An annotated sentence, and the Doc that it becomes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from ..decoding.tag_scheme import OUTSIDE
from ..errors import CorpusError, Errors
from ..types import INCORRECT_SPANS, Entity

_CONTROL = re.compile(r"[\0-\x1f\x7f]")


class Sentence(NamedTuple):
    """One sentence: `words`, a tag for each, None where unknown, and the line of the file where each begins.

    lines: in formats without lines, the number of the row or Doc, from 1.
    spaces: whether a space follows each word; None where the format does not say.
    document: the name of the document that it is from; empty where the format does not say.
    incorrect: spans of words that are known to be no entities of their labels; they may overlap.
    """

    words: list[str]
    tags: list[str | None]
    lines: list[int]
    spaces: list[bool] | None = None
    document: str = ""
    incorrect: tuple[Entity, ...] = ()

    def spaces_after(self) -> list[bool]:
        """Whether a space follows each word: between two of them, where the format does not say."""
        return [True] * (len(self.words) - 1) + [False] if self.spaces is None else self.spaces

    def pieces(self) -> list[str]:
        """Each word with the space that follows it, if one does: together they are the text."""
        return [f"{word} " if space else word for word, space in zip(self.words, self.spaces_after(), strict=True)]


def entities(tags: Sequence[str | None]) -> Iterator[Entity]:
    """The entities that legal tags in IOB2 spell; None is unknown."""
    start, label = -1, ""
    for i, tag in enumerate(tags):
        if tag and tag[0] == "I":
            continue
        if start >= 0:
            yield Entity(label, start, i)
        start, label = (i, tag[2:]) if tag and tag != OUTSIDE else (-1, "")
    if start >= 0:
        yield Entity(label, start, len(tags))


class Invalid(NamedTuple):
    """In place of a sentence or passage that could not be read; the message of `error` names file and line."""

    error: CorpusError


def check_row(path: Path, line: int, word: str, tag: str, place: str = "", unit: str = "line") -> None:
    """Refuse an empty word, and a tag that no column can hold; see `fits_column`.

    place: of the word in the row, or of the tag's column, for the message: ", column 4"; empty where there is none.
    unit: what `line` counts, for the message.
    RAISES CorpusError: the message names file, line and place.
    """
    if not word:
        raise CorpusError(Errors.empty_word.format(path=path, unit=unit, line=line, place=place))
    if not fits_column(tag):
        raise CorpusError(Errors.bad_tag.format(path=path, unit=unit, line=line, place=place, tag=tag))


def fits_column(text: str) -> bool:
    """Whether a label or tag can stand in a column of text: it is not empty, has no white space at its ends, and no
    tab, line break or other control character of ASCII in it."""
    return bool(text) and text == text.strip() and not _CONTROL.search(text)


def to_doc(sentence: Sentence, vocab: Vocab) -> Doc:
    """A Doc whose tokens are the sentence's words.

    sentence (Sentence): its tags in IOB2, None where unknown.
    RETURNS (Doc): `doc.ents` are the entities; `doc.spans["incorrect_spans"]` those that are known to be none, if any.
    """
    ents = [tag or "" for tag in sentence.tags]
    doc = Doc(vocab, words=sentence.words, spaces=sentence.spaces_after(), ents=ents)
    if sentence.incorrect:
        doc.spans[INCORRECT_SPANS] = [Span(doc, start, end, label=label) for label, start, end in sentence.incorrect]
    return doc
