"""Represent an annotated sentence, and convert it to a Doc."""

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
    """One annotated sentence.

    words: the words of the sentence.
    tags: one tag for each word; None if it is unknown.
    lines: the line of the file where each word starts. In formats without lines, the number of the row or Doc, from 1.
    spaces: whether a space follows each word; None if the format does not store it.
    document: the name of the document of the sentence; empty if the format does not store it.
    incorrect: spans of words that are known not to be entities of their labels. They may overlap.
    """

    words: list[str]
    tags: list[str | None]
    lines: list[int]
    spaces: list[bool] | None = None
    document: str = ""
    incorrect: tuple[Entity, ...] = ()

    def spaces_after(self) -> list[bool]:
        """Return whether a space follows each word. If the format does not store it, a space separates all words."""
        return [True] * (len(self.words) - 1) + [False] if self.spaces is None else self.spaces

    def pieces(self) -> list[str]:
        """Return each word with the space that follows it, if any. Concatenated, they are the text."""
        return [f"{word} " if space else word for word, space in zip(self.words, self.spaces_after(), strict=True)]


def entities(tags: Sequence[str | None]) -> Iterator[Entity]:
    """Yield the entities of valid IOB2 tags; None is unknown."""
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
    """Replaces a sentence or passage that could not be read. The message of `error` names file and line."""

    error: CorpusError


def check_row(path: Path, line: int, word: str, tag: str, place: str = "", unit: str = "line") -> None:
    """Reject an empty word and a tag that does not fit into a column; see `fits_column`.

    place (str): position of the word in the row or column of the tag, for the message: ", column 4"; empty if there is
        none.
    unit (str): what `line` counts, for the message.
    RAISES CorpusError: the word or the tag is invalid. The message names file, line and position.
    """
    if not word:
        raise CorpusError(Errors.empty_word.format(path=path, unit=unit, line=line, place=place))
    if not fits_column(tag):
        raise CorpusError(Errors.bad_tag.format(path=path, unit=unit, line=line, place=place, tag=tag))


def fits_column(text: str) -> bool:
    """Return whether a label or tag fits into a column of text.

    It must not be empty, have white space at its ends, or contain a tab, line break or other ASCII control character.
    """
    return bool(text) and text == text.strip() and not _CONTROL.search(text)


def to_doc(sentence: Sentence, vocab: Vocab) -> Doc:
    """Convert a sentence to a Doc with one token for each word.

    sentence (Sentence): a sentence with IOB2 tags, None for unknown tags.
    vocab (Vocab): the vocab of the Doc.
    RETURNS (Doc): `doc.ents` are the entities. `doc.spans["incorrect_spans"]` are the incorrect spans, if any.
    """
    ents = [tag or "" for tag in sentence.tags]
    doc = Doc(vocab, words=sentence.words, spaces=sentence.spaces_after(), ents=ents)
    if sentence.incorrect:
        doc.spans[INCORRECT_SPANS] = [Span(doc, start, end, label=label) for label, start, end in sentence.incorrect]
    return doc
