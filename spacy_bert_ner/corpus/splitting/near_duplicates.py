"""Find sentences that are nearly the same.

A *shingle* is a pair of neighbouring words, without regard to case. Two sentences are nearly the same if at least 0.8
of the shingles that either has are shingles of both (their Jaccard similarity): one word in twenty may differ, or one
of six be missing at an end. Candidates are found by MinHash and locality-sensitive hashing (Broder 1997,
https://doi.org/10.1109/SEQUEN.1997.666900) and each is compared word by word. Signatures of 64 numbers, in 16 bands
of 4, bring a pair at the threshold together with a probability of 1 - (1 - 0.8**4)**16 = 99.98 %, a closer one more
often. They take 1.5 kB of memory a sentence; the words lie in a temporary file.
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
"""Sentences of fewer words are like others only where they are equal."""
_NUMBERS, _BANDS, _SEED = 64, 16, 1
_CROWD = 100
"""Of sentences with more candidates than this none is a candidate for later ones, so that time does not grow with the
square of the corpus where all of it follows one pattern."""
_AROUND = 4  # words before and after the first that differs, in examples


def shingles(words: Sequence[str]) -> frozenset[tuple[str, str]]:
    """All pairs of neighbouring words, in lower case."""
    lower = [word.casefold() for word in words]
    return frozenset(pairwise(lower))


def nearly_same(a: frozenset[tuple[str, str]], b: frozenset[tuple[str, str]]) -> bool:
    """Whether at least 0.8 of the shingles of two sentences are common to both."""
    n_common = len(a & b)
    return 5 * n_common >= 4 * (len(a) + len(b) - n_common)


class NearDuplicateIndex:
    """Takes the sentences of a corpus one after the other, and finds which are nearly the same.

    copies: the place of the first sentence that is equal to each. *Shape:* `(n,)`
    """

    examples: list[str]
    """Of the first two pairs that were found, the place where they differ."""

    def __init__(self, copies: Ints1d) -> None:
        self._copies = copies
        self._union = DisjointSets(len(copies))
        self._index = RMinHashLSH(threshold=0.8, num_perm=_NUMBERS, num_bands=_BANDS)
        self._file = tempfile.TemporaryFile()  # noqa: SIM115, see close
        self._begins = array("q", [0]) * len(copies)
        self._sizes = array("q", [0]) * len(copies)
        self._shingles_at = lru_cache(4096)(lambda place: shingles(self.words_at(place)))
        self.examples = []

    def close(self) -> None:
        """Remove the temporary file."""
        self._shingles_at.cache_clear()  # it holds this object
        self._file.close()

    def add(self, place: int, words: Sequence[str]) -> int | None:
        """Compare a sentence with those before it.

        RETURNS: the place of the first that is nearly the same; None where there is none, or where one is equal.
        """
        if len(words) < MIN_WORDS or self._copies[place] != place:
            return None
        own = shingles(words)
        signature = RMinHash(num_perm=_NUMBERS, seed=_SEED)
        signature.update([f"{a} {b}".encode("utf-8", "surrogatepass") for a, b in own])
        candidates, first = self._index.query(signature), None
        for other in sorted(candidates):
            if self._union.root(other) != self._union.root(place) and nearly_same(own, self._shingles_at(other)):
                self._union.join(other, place)
                first = other if first is None else first
                if len(self.examples) < 2:
                    self.examples.append(_difference(self.words_at(other), words))
        if len(candidates) <= _CROWD:
            self._index.insert(place, signature)
            self._keep(place, words)
        return first

    def groups(self) -> Ints1d:
        """The place of the first of all sentences that hang together with each by near copies. *Shape:* `(n,)`"""
        return self._union.roots()[self._copies]

    def _keep(self, place: int, words: Sequence[str]) -> None:
        text = "\0".join(words).encode("utf-8", "surrogatepass")
        self._begins[place], self._sizes[place] = self._file.seek(0, 2), len(text)
        self._file.write(text)

    def words_at(self, place: int) -> list[str]:
        """Those of a sentence that another is nearly the same as."""
        self._file.seek(self._begins[place])
        return self._file.read(self._sizes[place]).decode("utf-8", "surrogatepass").split("\0")


def _difference(a: Sequence[str], b: Sequence[str]) -> str:
    """Two sentences from shortly before the first word that differs to shortly after it."""
    pairs = zip(a, b, strict=False)
    at = next((i for i, (word, other) in enumerate(pairs) if word != other), min(len(a), len(b)))
    start, end = max(0, at - _AROUND), at + _AROUND

    def shorten(words: Sequence[str]) -> str:
        return ("… " if start else "") + " ".join(words[start:end]) + (" …" if end < len(words) else "")

    return f"{shorten(a)!r} and {shorten(b)!r}"
