"""An annotated sentence, and the Doc that it becomes."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..errors import CorpusError, Errors


class Sentence(NamedTuple):
    """One sentence: `words`, a tag for each, and the line of the file where each begins."""

    words: list[str]
    tags: list[str]
    lines: list[int]


def check_row(path: Path, line: int, word: str, tag: str) -> None:
    """Refuse an empty word, and a tag that is empty or has white space around it.

    RAISES CorpusError: the message names file and line.
    """
    if not word:
        raise CorpusError(Errors.empty_word.format(path=path, line=line))
    if not tag or tag != tag.strip():
        raise CorpusError(Errors.bad_tag.format(path=path, line=line, tag=tag))


def to_doc(sentence: Sentence, vocab: Vocab) -> Doc:
    """A Doc whose tokens are the sentence's words, with one space between two of them.

    sentence (Sentence): its tags in IOB2.
    RETURNS (Doc): `doc.text` is the words joined by spaces; `doc.ents` are the entities.
    """
    spaces = [True] * (len(sentence.words) - 1) + [False]
    return Doc(vocab, words=sentence.words, spaces=spaces, ents=sentence.tags)
