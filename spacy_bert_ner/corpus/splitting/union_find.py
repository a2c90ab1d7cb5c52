"""Maintain disjoint sets of numbers with union-find."""

from __future__ import annotations

from array import array

import numpy as np

from ...types import Ints1d


class DisjointSets:
    """The numbers from 0 to n - 1, grouped into sets. Joining two numbers joins their whole sets.

    n (int): how many numbers there are.
    """

    def __init__(self, n: int) -> None:
        self._parents = array("q", range(n))

    def root(self, i: int) -> int:
        """Return the smallest number in the set of this number."""
        parents = self._parents
        while parents[i] != i:
            parents[i] = i = parents[parents[i]]
        return i

    def join(self, i: int, j: int) -> None:
        """Join the sets of two numbers."""
        i, j = sorted((self.root(i), self.root(j)))
        self._parents[j] = i

    def roots(self) -> Ints1d:
        """Return the root of each number. *Shape:* `(n,)`"""
        return np.array([self.root(i) for i in range(len(self._parents))], dtype=np.int64)
