"""Represent an annotated sentence and convert it to a Doc."""

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
    """An annotated sentence.

    words: the words in the sentence.
    tags: one tag per word; None for an unknown tag.
    lines: line number where each word starts, from 1. Formats without lines use the number of the row or Doc.
    spaces: whether a space follows each word; None if the format does not store spaces.
    document: name of the document that contains the sentence; empty if the format does not store it.
    incorrect: labelled word spans that are known not to be entities with these labels. They may overlap.
    """

    words: list[str]
    tags: list[str | None]
    lines: list[int]
    spaces: list[bool] | None = None
    document: str = ""
    incorrect: tuple[Entity, ...] = ()

    def spaces_after(self) -> list[bool]:
        """Return whether a space follows each word. If `spaces` is None, all words are separated by a space."""
        return [True] * (len(self.words) - 1) + [False] if self.spaces is None else self.spaces

    def pieces(self) -> list[str]:
        """Return each word with the space that follows it, if any. The concatenated pieces form the text."""
        return [f"{word} " if space else word for word, space in zip(self.words, self.spaces_after(), strict=True)]


def entities(tags: Sequence[str | None]) -> Iterator[Entity]:
    """Yield the entities in valid IOB2 tags. Unknown tags are None."""
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
    """A placeholder for a sentence or passage that cannot be read. The error message names the file and line."""

    error: CorpusError


def check_row(path: Path, line: int, word: str, tag: str, place: str = "", unit: str = "line") -> None:
    """Reject an empty word or a tag that cannot be stored in a column file; see `fits_column`.

    path (Path): the file, for the error message.
    line (int): line number of the word, for the error message.
    word (str): the word.
    tag (str): the tag of the word.
    place (str): position in the row for the error message, such as ", column 4". Default: empty.
    unit (str): unit of `line`, for the error message. Default: "line".
    RAISES CorpusError: the word or the tag is invalid. The message names the file, line and position.
    """
    if not word:
        raise CorpusError(Errors.empty_word.format(path=path, unit=unit, line=line, place=place))
    if not fits_column(tag):
        raise CorpusError(Errors.bad_tag.format(path=path, unit=unit, line=line, place=place, tag=tag))


def fits_column(text: str) -> bool:
    """Return whether a label or tag can be stored in a column file.

    It must have at least one character and no white space at its edges. Tabs, line breaks and other ASCII control
    characters are not allowed.
    """
    return bool(text) and text == text.strip() and not _CONTROL.search(text)


def to_doc(sentence: Sentence, vocab: Vocab) -> Doc:
    """Convert a sentence to a Doc with one token per word.

    sentence (Sentence): a sentence with IOB2 tags. Unknown tags are None.
    vocab (Vocab): the vocab for the Doc.
    RETURNS (Doc): the Doc. `doc.ents` contains the entities, and `doc.spans["incorrect_spans"]` contains the incorrect
        spans, if any.
    """
    ents = [tag or "" for tag in sentence.tags]
    doc = Doc(vocab, words=sentence.words, spaces=sentence.spaces_after(), ents=ents)
    if sentence.incorrect:
        doc.spans[INCORRECT_SPANS] = [Span(doc, start, end, label=label) for label, start, end in sentence.incorrect]
    return doc
