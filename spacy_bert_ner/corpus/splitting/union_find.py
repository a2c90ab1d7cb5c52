"""Maintain disjoint sets of numbers with the union-find algorithm."""

from __future__ import annotations

from array import array

import numpy as np

from ...types import Ints1d


class DisjointSets:
    """Disjoint sets of the numbers from 0 to n - 1. Each number starts in its own set.

    n (int): number of elements in all sets.
    """

    def __init__(self, n: int) -> None:
        self._parents = array("q", range(n))

    def root(self, i: int) -> int:
        """Return the smallest number in the set that contains this number."""
        parents = self._parents
        while parents[i] != i:
            parents[i] = i = parents[parents[i]]
        return i

    def join(self, i: int, j: int) -> None:
        """Join the sets that contain these two numbers."""
        i, j = sorted((self.root(i), self.root(j)))
        self._parents[j] = i

    def roots(self) -> Ints1d:
        """Return the root of each number, which is the smallest number in its set. *Shape:* `(n,)`"""
        return np.array([self.root(i) for i in range(len(self._parents))], dtype=np.int64)
