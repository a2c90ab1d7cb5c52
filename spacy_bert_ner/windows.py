"""Cut the subwords of a long Doc into overlapping windows; say which window speaks for which subword."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .types import Ints1d


class Window(NamedTuple):
    """A run of subwords `start:end` that goes through the encoder at once, and the part `keep_start:keep_end` of it
    whose logits are kept. The kept parts of a Doc's windows follow one another without a gap."""

    start: int
    end: int
    keep_start: int
    keep_end: int


def split(n_subwords: int, token_starts: Ints1d, size: int, overlap: int) -> list[Window]:
    """Cut a Doc into windows of at most `size` subwords, of which neighbours share at least `overlap`.

    Cuts fall where a token starts. In an overlap, each window keeps the half that is farther from its own edge, where
    it has seen more context. A token that no window can hold (an image in base 64, say) is read apart, as if the text
    began and ended with it, so that what is before and after it does not notice it.

        subwords   0 1 2 3 4 5 6 7 8 9       size 6, overlap 2
        window 1   [0 1 2 3 4 5]             keeps 0 to 4
        window 2           [4 5 6 7 8 9]     keeps 5 to 9

    n_subwords: subwords in the Doc, without special ones.
    token_starts: subwords that start a token, ascending. *Shape:* `(n,)`
    size: most subwords in a window, without special ones; more than `overlap`.
    overlap: fewest subwords that two neighbouring windows share.
    """
    ends = np.append(token_starts[1:], n_subwords)
    giants = np.flatnonzero(ends - token_starts > size)
    edges = np.unique(np.concatenate([[0], token_starts[giants], ends[giants], [n_subwords]])).tolist()
    return [w for part in pairwise(edges) for w in _split_part(*part, token_starts, size, overlap)]


def _split_part(first: int, last: int, token_starts: Ints1d, size: int, overlap: int) -> list[Window]:
    cuts: list[tuple[int, int]] = []
    start = first
    while True:
        end = min(start + size, last)
        if end == last:
            cuts.append((start, end))
            break
        end = _last_start(token_starts, start + overlap, end)
        cuts.append((start, end))
        start = _last_start(token_starts, start, end - overlap)
    edges = [first, *((after[0] + before[1] + 1) // 2 for before, after in pairwise(cuts)), last]
    return [Window(*cut, *keep) for cut, keep in zip(cuts, pairwise(edges), strict=True)]


def _last_start(token_starts: Ints1d, above: int, at_most: int) -> int:
    """The last token start in `above < start <= at_most`, or `at_most` itself where a long token leaves none."""
    i = int(np.searchsorted(token_starts, at_most, side="right")) - 1
    return int(token_starts[i]) if i >= 0 and token_starts[i] > above else at_most


def merge(
    windows: Sequence[Window], firsts: Sequence[int], rows: Sequence[int], n_before: int
) -> tuple[Ints1d, Ints1d]:
    """Where the kept logits of a batch of windows lie, and where they go.

    windows: the batch.
    firsts: for each window, where its Doc begins in the table of all Docs' subwords.
    rows: for each window, where it begins in the batch.
    n_before: special subwords before the text in each window.
    RETURNS: rows of the batch, whose windows follow one another, and the table's rows. *Shape:* `(n_kept,)` each
    """
    source = [
        np.arange(w.keep_start, w.keep_end) - w.start + n_before + row for w, row in zip(windows, rows, strict=True)
    ]
    target = [np.arange(w.keep_start, w.keep_end) + first for w, first in zip(windows, firsts, strict=True)]
    return np.concatenate(source), np.concatenate(target)
