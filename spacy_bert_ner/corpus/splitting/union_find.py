"""What hangs together by chains: union-find."""

from __future__ import annotations

from array import array

import numpy as np

from ...types import Ints1d


class DisjointSets:
    """Numbers from 0, of which some are joined; each hangs together with all that are joined to it by a chain.

    n: how many there are.
    """

    def __init__(self, n: int) -> None:
        self._above = array("q", range(n))

    def root(self, i: int) -> int:
        """The least of the numbers that hang together with this one."""
        above = self._above
        while above[i] != i:
            above[i] = i = above[above[i]]
        return i

    def join(self, i: int, j: int) -> None:
        """Let two numbers, and all that hang together with either, hang together."""
        i, j = sorted((self.root(i), self.root(j)))
        self._above[j] = i

    def roots(self) -> Ints1d:
        """The root of each number. *Shape:* `(n,)`"""
        return np.array([self.root(i) for i in range(len(self._above))], dtype=np.int64)
