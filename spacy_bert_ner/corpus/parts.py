"""The parts of a corpus: which sentences go into train, dev and test."""

from __future__ import annotations

import numpy as np

from ..errors import CorpusError, Errors
from ..types import Ints1d, Ints2d
from .split import copies_together, parse_split, split_places, split_units
from .stream import CorpusStream


def check_options(split: str | None, *, by_document: bool, stratify: bool) -> None:
    """Refuse options that are not allowed, before anything is read.

    RAISES CorpusError: the split is none, or an option needs one.
    """
    if split is not None:
        parse_split(split)
    elif by_document or stratify:
        option = "--by-document" if by_document else "--stratify"
        raise CorpusError(Errors.split_option.format(option=option))


def make_parts(
    corpus: CorpusStream, split: str, seed: int, *, by_document: bool, stratify: bool
) -> tuple[dict[str, Ints1d], list[str]]:
    """The places of the sentences of each part, and what a user should know of how they came there."""
    if by_document or stratify:
        return split_units(*_units(corpus, by_document, stratify), split, seed), []
    parts, n_moved = copies_together(split_places(corpus.n_sentences, split, seed), corpus.texts, split)
    return parts, [Errors.copies_moved.format(n=n_moved)] if n_moved else []


def _units(corpus: CorpusStream, by_document: bool, stratify: bool) -> tuple[Ints1d, Ints2d]:
    """The unit and the labels of each sentence; see `split_units`."""
    units: dict[object, int] = {}
    columns: dict[str, int] = {}
    unit_of = np.zeros(corpus.n_sentences, dtype=np.int64)
    found: list[tuple[int, int]] = []
    for i, sentence in enumerate(corpus):
        if by_document and not sentence.document:
            raise CorpusError(
                Errors.no_documents.format(path=corpus.path, line=sentence.lines[0], format=corpus.format)
            )
        unit = sentence.document if by_document else int(corpus.texts[i])
        unit_of[i] = units.setdefault(unit, len(units))
        if stratify:
            labels = (tag[2:] for tag in sentence.tags if tag and tag[:2] == "B-")
            found += ((i, columns.setdefault(label, len(columns))) for label in labels)
    counts = np.zeros((corpus.n_sentences, len(columns)), dtype=np.int64)
    if found:
        np.add.at(counts, tuple(np.array(found).T), 1)
    return unit_of, counts
