"""Cut the subwords of a long Doc into windows, at sentences or overlapping; say which speaks for which subword."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from spacy.attrs import SENT_START
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc

from ..types import Ints1d

NOWHERE = np.zeros(0, dtype=np.int64)


class Window(NamedTuple):
    """A run of subwords `start:end` that goes through the encoder at once, and the part `keep_start:keep_end` of it
    whose logits are kept. The kept parts of a Doc's windows follow one another without a gap."""

    start: int
    end: int
    keep_start: int
    keep_end: int


def split_windows(
    n_subwords: int, token_starts: Ints1d, size: int, overlap: int, sentence_starts: Ints1d = NOWHERE
) -> list[Window]:
    """Cut a Doc into windows of at most `size` subwords.

    Where a sentence begins in the second half of a window, the next one begins there, and they share nothing. Elsewhere
    neighbours share at least `overlap`: cuts fall where a token starts, and each window keeps the half that is farther
    from its own edge, where it has seen more context. A token that no window can hold (an image in base 64, say) is
    read apart, as if the text began and ended with it, so that what is before and after it does not notice it.

        subwords   0 1 2 3 4 5 6 7 8 9       size 6, overlap 2
        window 1   [0 1 2 3 4 5]             keeps 0 to 4
        window 2           [4 5 6 7 8 9]     keeps 5 to 9

        window 1   [0 1 2 3 4]               if a sentence begins at 5
        window 2             [5 6 7 8 9]

    n_subwords: subwords in the Doc, without special ones.
    token_starts: subwords that start a token, ascending. *Shape:* `(n,)`
    size: most subwords in a window, without special ones; more than `overlap`.
    overlap: fewest subwords that two neighbouring windows share, unless a sentence begins between them.
    sentence_starts: those of `token_starts` that start a sentence, ascending. *Shape:* `(n,)`
    """
    ends = np.append(token_starts[1:], n_subwords)
    giants = np.flatnonzero(ends - token_starts > size)
    edges = np.unique(np.concatenate([[0], token_starts[giants], ends[giants], [n_subwords]])).tolist()
    return [w for part in pairwise(edges) for w in _split_part(*part, token_starts, size, overlap, sentence_starts)]


def windows_from_spans(
    n_subwords: int, token_starts: Ints1d, size: int, overlap: int, runs: Sequence[tuple[int, int]]
) -> list[Window]:
    """The windows of a Doc of which somebody else says where they lie.

    Where two overlap, each keeps the half that is farther from its own edge. One that is too long is cut as
    `split_windows` cuts a Doc, one that lies in another is left out, and what lies in none is cut like a Doc of its
    own.

        subwords 0 to 9, runs 0-5, 3-9, size 6    →   Window(0, 5, 0, 4), Window(3, 9, 4, 9), Window(9, 10, 9, 10)

    n_subwords, token_starts, size, overlap: see `split_windows`.
    runs: first subword and one past the last of each, in any order.
    """
    cuts: list[tuple[int, int]] = []
    end = 0
    for run in [*sorted(runs, key=lambda run: (run[0], -run[1])), (n_subwords, n_subwords + 1)]:
        start, last = run
        if start > end:
            cuts.extend(_cuts(end, start, token_starts, size, overlap))
        if end < last <= n_subwords:
            if cuts and start <= cuts[-1][0]:  # the one before was too long, and has been cut
                start = min(int(token_starts[np.searchsorted(token_starts, cuts[-1][0], side="right")]), end)
            cuts.extend(_cuts(start, last, token_starts, size, overlap))
            end = last
    return _kept(cuts, 0, n_subwords)


def _cuts(first: int, last: int, token_starts: Ints1d, size: int, overlap: int) -> list[tuple[int, int]]:
    inside = token_starts[(token_starts >= first) & (token_starts < last)]
    return [(w.start + first, w.end + first) for w in split_windows(last - first, inside - first, size, overlap)]


def _split_part(
    first: int, last: int, token_starts: Ints1d, size: int, overlap: int, sentence_starts: Ints1d
) -> list[Window]:
    cuts: list[tuple[int, int]] = []
    start = first
    while True:
        end = min(start + size, last)
        if end == last:
            cuts.append((start, end))
            break
        sentence = _last(sentence_starts, start + size // 2, end)
        if sentence is not None:
            cuts.append((start, sentence))
            start = sentence
            continue
        # A long token leaves none.
        end = _last(token_starts, start + overlap, end) or end
        cuts.append((start, end))
        start = _last(token_starts, start, end - overlap) or end - overlap
    return _kept(cuts, first, last)


def _kept(cuts: Sequence[tuple[int, int]], first: int, last: int) -> list[Window]:
    """Windows, with the part of each that is kept."""
    edges = [first, *((after[0] + before[1] + 1) // 2 for before, after in pairwise(cuts)), last]
    return [Window(*cut, *keep) for cut, keep in zip(cuts, pairwise(edges), strict=True)]


def _last(starts: Ints1d, above: int, at_most: int) -> int | None:
    """The last start in `above < start <= at_most`."""
    i = int(np.searchsorted(starts, at_most, side="right")) - 1
    return int(starts[i]) if i >= 0 and starts[i] > above else None


def sentence_starts(doc: Doc) -> Ints1d:
    """Tokens that begin a sentence: as an earlier component has set them, else as spaCy's `Sentencizer` guesses by
    full stops and the like. *Shape:* `(n_sentences,)`"""
    if doc.has_annotation("SENT_START"):
        return np.flatnonzero(doc.to_array(SENT_START) == 1)
    return np.flatnonzero(Sentencizer().predict([doc])[0])


def stitch_indices(
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
