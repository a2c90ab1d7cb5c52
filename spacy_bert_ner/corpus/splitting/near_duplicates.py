"""Find near-duplicate sentences.

A *shingle* is a pair of neighbouring words, regardless of case. Two sentences are near-duplicates if the Jaccard
similarity of their shingles is at least 0.8. This is the number of shared shingles divided by the number of distinct
shingles in both sentences. For example, one of twenty words may differ, or the first or last of six words may be
missing.

MinHash and locality-sensitive hashing find candidates (Broder 1997, https://doi.org/10.1109/SEQUEN.1997.666900). The
exact similarity of each candidate is then computed. A signature has 64 numbers in 16 bands of 4. A pair at the
threshold is detected with a probability of 1 - (1 - 0.8**4)**16 = 99.98%. The probability is higher for pairs that are
more similar. Signatures take 1.5 kB of memory per sentence. The words are stored in a temporary file.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from rensa import RMinHash, RMinHashLSH

from ...types import Ints1d
from .union_find import DisjointSets

MIN_WORDS = 5
"""Minimum number of words in near-duplicates. Shorter sentences are duplicates only if they are identical."""
_NUMBERS, _BANDS, _SEED = 64, 16, 1
_CROWD = 100
"""Maximum number of candidates. A sentence with more candidates is not added to the index. Without this limit, the time
would grow quadratically with the size of a corpus in which all sentences follow one pattern."""
_AROUND = 4  # number of words shown before and after the first difference


def shingles(words: Sequence[str]) -> frozenset[tuple[str, str]]:
    """Return all pairs of neighbouring words in lower case."""
    lower = [word.casefold() for word in words]
    return frozenset(pairwise(lower))


def nearly_same(a: frozenset[tuple[str, str]], b: frozenset[tuple[str, str]]) -> bool:
    """Return whether the Jaccard similarity of two sets of shingles is at least 0.8."""
    n_common = len(a & b)
    return 5 * n_common >= 4 * (len(a) + len(b) - n_common)


class NearDuplicateIndex:
    """An index that finds near-duplicates in a corpus. Add the sentences one by one with `add`.

    copies: for each sentence, index of the first identical sentence. *Shape:* `(n,)`
    """

    examples: list[str]
    """Descriptions of how the sentences differ in each of the first two pairs of near-duplicates."""

    def __init__(self, copies: Ints1d) -> None:
        self._copies = copies
        self._union = DisjointSets(len(copies))
        self._index = RMinHashLSH(threshold=0.8, num_perm=_NUMBERS, num_bands=_BANDS)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed by `close`
        self._begins = array("q", [0]) * len(copies)
        self._sizes = array("q", [0]) * len(copies)
        self._shingles_at = lru_cache(4096)(lambda index: shingles(self.words_at(index)))
        self.examples = []

    def close(self) -> None:
        """Delete the temporary file."""
        self._shingles_at.cache_clear()  # the cache contains a reference to this object
        self._file.close()

    def add(self, index: int, words: Sequence[str]) -> int | None:
        """Add a sentence and compare it with all earlier sentences.

        index (int): index of the sentence.
        words (Sequence[str]): the words in the sentence.
        RETURNS (int | None): index of the first near-duplicate. None if there is none, or if the sentence is short or
            identical to an earlier sentence.
        """
        if len(words) < MIN_WORDS or self._copies[index] != index:
            return None
        own_shingles = shingles(words)
        signature = RMinHash(num_perm=_NUMBERS, seed=_SEED)
        signature.update([f"{a} {b}".encode("utf-8", "surrogatepass") for a, b in own_shingles])
        candidates, first = self._index.query(signature), None
        for other in sorted(candidates):
            if self._union.root(other) != self._union.root(index) and nearly_same(
                own_shingles, self._shingles_at(other)
            ):
                self._union.join(other, index)
                first = other if first is None else first
                if len(self.examples) < 2:
                    self.examples.append(_difference(self.words_at(other), words))
        if len(candidates) <= _CROWD:
            self._index.insert(index, signature)
            self._store(index, words)
        return first

    def groups(self) -> Ints1d:
        """Return the group of each sentence. Near-duplicates of near-duplicates are in the same group.

        RETURNS: for each sentence, index of the first sentence in its group. *Shape:* `(n,)`
        """
        return self._union.roots()[self._copies]

    def _store(self, index: int, words: Sequence[str]) -> None:
        text = "\0".join(words).encode("utf-8", "surrogatepass")
        self._begins[index], self._sizes[index] = self._file.seek(0, 2), len(text)
        self._file.write(text)

    def words_at(self, index: int) -> list[str]:
        """Return the words in an indexed sentence."""
        self._file.seek(self._begins[index])
        return self._file.read(self._sizes[index]).decode("utf-8", "surrogatepass").split("\0")


def _difference(a: Sequence[str], b: Sequence[str]) -> str:
    """Format the words around the first difference between two sentences."""
    pairs = zip(a, b, strict=False)
    at = next((i for i, (word, other) in enumerate(pairs) if word != other), min(len(a), len(b)))
    start, end = max(0, at - _AROUND), at + _AROUND

    def shorten(words: Sequence[str]) -> str:
        return ("… " if start else "") + " ".join(words[start:end]) + (" …" if end < len(words) else "")

    return f"{shorten(a)!r} and {shorten(b)!r}"
