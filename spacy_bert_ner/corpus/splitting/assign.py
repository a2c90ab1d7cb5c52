"""Assign the sentences in a corpus to train, dev and test splits."""

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
from .random_split import copies_together, first_copies, parse_split, split_indices, split_units
from .union_find import DisjointSets

DUPLICATES = ("near", "exact", "keep")
_FAR = 5
"""Maximum deviation from the requested split size without a warning, in percentage points. Splits can deviate if
documents are kept together."""


class Split(NamedTuple):
    """The settings for splitting a corpus.

    shares (str): percentages; see `parse_split`.
    seed (int): random seed for shuffling. Default: 42.
    by_document (bool): whether to keep all sentences from one document in the same split.
    stratify (bool): whether to give each split a proportional share of every label.
    duplicates (str): which duplicates must be in the same split, a value in `DUPLICATES`. "near" means exact and
        near-duplicates, and "exact" means only exact duplicates. "keep" means none: duplicates stay where they are.
    """

    shares: str
    seed: int = 42
    by_document: bool = False
    stratify: bool = False
    duplicates: str = "near"


class SplitFeatures(NamedTuple):
    """The sentence features that determine the splits. *Shape of each array:* `(n, …)`

    copies: for each sentence, index of the first identical sentence.
    near: for each sentence, index of the first sentence in its group of near-duplicates.
    documents: document number of each sentence, from 0. All numbers are 0 if documents are not needed.
    counts: number of entities per label in each sentence. The array has no columns if labels are not needed.
    is_short: whether each sentence is so short that unrelated documents may share it.
    examples: differences between near-duplicates, for messages.
    """

    copies: Ints1d
    near: Ints1d
    documents: Ints1d
    counts: Ints2d
    is_short: Ints1d
    examples: list[str]


def check_options(split: str | None, *, by_document: bool, stratify: bool, duplicates: str = "near") -> None:
    """Reject invalid options before any data is read.

    RAISES CorpusError: the split or an option is invalid, or an option requires a split.
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
    """Assign the sentences in a corpus to splits.

    corpus (CorpusStream): the corpus.
    split (Split): the settings.
    RETURNS: the sentence indices for each split, and messages for the user. *Shape of each index array:*
        `(n_sentences_in_split,)`
    RAISES CorpusError: the percentages are invalid, a split would be empty, or documents must be kept together and a
        sentence has no document name.
    """
    features = _read_features(corpus, split)
    if split.by_document or split.stratify:
        units, n_most = _units(features, split.by_document)
        try:
            parts = split_units(units, features.counts, split.shares, split.seed)
        except CorpusError as e:
            if n_most == 1:
                raise
            raise CorpusError(Errors.joined_documents.format(split=split.shares, n=n_most)) from e
        return parts, list(_deviations(parts, split.shares, n_most))
    parts, n_exact, n_near = copies_together(
        split_indices(corpus.n_sentences, split.shares, split.seed), features.copies, split.shares, features.near
    )
    messages = [Errors.copies_moved.format(n=n_exact)] if n_exact else []
    if n_near:
        messages.append(Errors.near_copies_moved.format(n=n_near, listed="; ".join(features.examples)))
    return parts, messages


def _read_features(corpus: CorpusStream, split: Split) -> SplitFeatures:
    """Return the sentence features that the settings require. Reread the corpus only if some features are unknown."""
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
                sentence_entities = entities(sentence.tags)
                labels += ((i, columns.setdefault(entity.label, len(columns))) for entity in sentence_entities)
        counts = np.zeros((n, len(columns)), dtype=np.int64)
        if labels:
            np.add.at(counts, tuple(np.array(labels).T), 1)
        return SplitFeatures(copies, near.groups(), documents, counts, is_short, near.examples)


def _document(corpus: CorpusStream, sentence: Sentence) -> str:
    if not sentence.document:
        raise CorpusError(Errors.no_documents.format(path=corpus.path, line=sentence.lines[0], format=corpus.format))
    return sentence.document


def _units(features: SplitFeatures, by_document: bool) -> tuple[Ints1d, int]:
    """Return the unit of each sentence (see `split_units`) and the number of documents in the largest unit."""
    if not by_document:
        return np.unique(features.near, return_inverse=True)[1].reshape(-1), 1
    union = DisjointSets(int(features.documents.max()) + 1)
    # Skip short sentences, such as the titles of newspaper columns, because unrelated documents share them.
    for i in np.flatnonzero((features.near != np.arange(len(features.near))) & (features.is_short == 0)).tolist():
        union.join(int(features.documents[i]), int(features.documents[features.near[i]]))
    _, unit_of, n_documents = np.unique(union.roots(), return_inverse=True, return_counts=True)
    return unit_of.reshape(-1)[features.documents], int(n_documents.max())


def _deviations(parts: dict[str, Ints1d], shares: str, n_most: int) -> Iterator[str]:
    """Yield a warning if keeping documents together makes a split much larger or smaller than requested."""
    n = sum(map(len, parts.values()))
    actual = [100 * len(indices) / n for indices in parts.values()]
    deviations = (abs(share - requested) for share, requested in zip(actual, parse_split(shares), strict=True))
    if n_most > 1 and any(deviation > _FAR for deviation in deviations):
        actual_shares = "/".join(f"{share:.0f}" for share in actual)
        yield Errors.far_split.format(split=shares, found=actual_shares, n=n_most)
