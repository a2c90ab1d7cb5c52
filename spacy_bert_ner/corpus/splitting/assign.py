"""The parts of a corpus: which sentences go into train, dev and test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import numpy as np

from ...errors import CorpusError, Errors
from ...types import Ints1d, Ints2d
from ..options import reject_option
from ..sentence import Sentence, entities
from ..stream import CorpusStream
from .near_duplicates import MIN_WORDS, NearDuplicateIndex
from .random_split import copies_together, first_copies, parse_split, split_places, split_units
from .union_find import DisjointSets

DUPLICATES = ("near", "exact", "keep")
_FAR = 5
"""Percentage points by which a part of whole documents may be larger or smaller than asked for without a word."""


class Split(NamedTuple):
    """How a corpus is split.

    shares (str): see `parse_split`.
    seed (int): of the shuffle.
    by_document (bool): no document is in two parts.
    stratify (bool): each part has its share of every label.
    duplicates (str): which copies of a sentence are kept in one part, one of `DUPLICATES`: those that are nearly the
        same, too; the exact ones; or none.
    """

    shares: str
    seed: int = 42
    by_document: bool = False
    stratify: bool = False
    duplicates: str = "near"


class SplitFeatures(NamedTuple):
    """What is known of the sentences before they are split. *Shape of each:* `(n, …)`

    copies: the place of the first sentence that is equal to each.
    near: the place of the first that hangs together with each by near copies.
    documents: the number of each one's document, from 0; 0 for all where nobody asks.
    counts: how often each label occurs in each; without a column where nobody asks.
    is_short: whether it has too few words to say that two documents are alike.
    examples: how near copies differ.
    """

    copies: Ints1d
    near: Ints1d
    documents: Ints1d
    counts: Ints2d
    is_short: Ints1d
    examples: list[str]


def check_options(split: str | None, *, by_document: bool, stratify: bool, duplicates: str = "near") -> None:
    """Refuse options that are not allowed, before anything is read.

    RAISES CorpusError: the split or the option is none, or an option needs a split.
    """
    if duplicates not in DUPLICATES:
        reject_option("--duplicates", duplicates, ", ".join(DUPLICATES))
    if split is not None:
        parse_split(split)
        return
    given = {"--by-document": by_document, "--stratify": stratify, f"--duplicates {duplicates}": duplicates != "near"}
    for option in (name for name, is_given in given.items() if is_given):
        raise CorpusError(Errors.split_option.format(option=option))


def assign_splits(corpus: CorpusStream, split: Split) -> tuple[dict[str, Ints1d], list[str]]:
    """The places of the sentences of each part, and what a user should know of how they came there.

    RAISES CorpusError: the split is not allowed, a part would be empty, or a sentence has no document.
    """
    found = _find(corpus, split)
    if split.by_document or split.stratify:
        units, n_most = _units(found, split.by_document)
        try:
            parts = split_units(units, found.counts, split.shares, split.seed)
        except CorpusError as e:
            if n_most == 1:
                raise
            raise CorpusError(Errors.joined_documents.format(split=split.shares, n=n_most)) from e
        return parts, list(_deviations(parts, split.shares, n_most))
    parts, n_exact, n_near = copies_together(
        split_places(corpus.n_sentences, split.shares, split.seed), found.copies, split.shares, found.near
    )
    messages = [Errors.copies_moved.format(n=n_exact)] if n_exact else []
    if n_near:
        messages.append(Errors.near_copies_moved.format(n=n_near, listed="; ".join(found.examples)))
    return parts, messages


def _find(corpus: CorpusStream, split: Split) -> SplitFeatures:
    """Read the corpus once more for what the split needs, unless that is known already."""
    n = corpus.n_sentences
    copies = np.arange(n) if split.duplicates == "keep" else first_copies(corpus.texts)
    documents, is_short = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    if split.duplicates != "near" and not split.by_document and not split.stratify:
        return SplitFeatures(copies, copies, documents, np.zeros((n, 0), dtype=np.int64), is_short, [])
    numbers: dict[str, int] = {}
    columns: dict[str, int] = {}
    labels: list[tuple[int, int]] = []
    with closing(NearDuplicateIndex(copies)) as near:
        for i, sentence in enumerate(corpus):
            is_short[i] = len(sentence.words) < MIN_WORDS
            if split.duplicates == "near":
                near.add(i, sentence.words)
            if split.by_document:
                documents[i] = numbers.setdefault(_document(corpus, sentence), len(numbers))
            if split.stratify:
                own = entities(sentence.tags)
                labels += ((i, columns.setdefault(entity.label, len(columns))) for entity in own)
        counts = np.zeros((n, len(columns)), dtype=np.int64)
        if labels:
            np.add.at(counts, tuple(np.array(labels).T), 1)
        return SplitFeatures(copies, near.groups(), documents, counts, is_short, near.examples)


def _document(corpus: CorpusStream, sentence: Sentence) -> str:
    if not sentence.document:
        raise CorpusError(Errors.no_documents.format(path=corpus.path, line=sentence.lines[0], format=corpus.format))
    return sentence.document


def _units(found: SplitFeatures, by_document: bool) -> tuple[Ints1d, int]:
    """The unit of each sentence, see `split_units`, and how many documents are in that of the most."""
    if not by_document:
        return np.unique(found.near, return_inverse=True)[1].reshape(-1), 1
    union = DisjointSets(int(found.documents.max()) + 1)
    # Short sentences, such as the names of columns in a newspaper, are in documents that have nothing else in common.
    for i in np.flatnonzero((found.near != np.arange(len(found.near))) & (found.is_short == 0)).tolist():
        union.join(int(found.documents[i]), int(found.documents[found.near[i]]))
    _, unit_of, n_documents = np.unique(union.roots(), return_inverse=True, return_counts=True)
    return unit_of.reshape(-1)[found.documents], int(n_documents.max())


def _deviations(parts: dict[str, Ints1d], shares: str, n_most: int) -> Iterator[str]:
    """A message if documents that hang together by copies make a part larger or smaller than it should be."""
    n = sum(map(len, parts.values()))
    percent = [100 * len(places) / n for places in parts.values()]
    if n_most > 1 and any(abs(is_ - be) > _FAR for is_, be in zip(percent, parse_split(shares), strict=True)):
        found = "/".join(f"{is_:.0f}" for is_ in percent)
        yield Errors.far_split.format(split=shares, found=found, n=n_most)
