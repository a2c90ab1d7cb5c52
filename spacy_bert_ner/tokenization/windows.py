"""Split the subwords of a long Doc into windows, at sentence starts or with an overlap."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from spacy.attrs import SENT_START
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc

from ..types import Ints1d

NO_SENTENCES = np.zeros(0, dtype=np.int64)


class Window(NamedTuple):
    """A run of subwords that goes through the encoder at once.

    The kept parts of a Doc's windows follow one another without a gap, so each subword gets its logits from one window.

    start, end (int): the subwords `start:end` of the Doc.
    keep_start, keep_end (int): the subwords `keep_start:keep_end` of the Doc, whose logits are kept.
    """

    start: int
    end: int
    keep_start: int
    keep_end: int


def split_windows(
    n_subwords: int, token_starts: Ints1d, size: int, overlap: int, sentence_starts: Ints1d = NO_SENTENCES
) -> list[Window]:
    """Split a Doc into windows of at most `size` subwords.

    If a sentence starts in the second half of a window, the next window starts there, and the two do not overlap.
    Otherwise, neighbouring windows overlap by at least `overlap` subwords. Windows are cut where a token starts. Each
    window keeps the half of the overlap that is farther from its edge, where the encoder has seen more context. A token
    longer than a window, such as a base64 image, gets separate windows, as if the text began and ended with it. It
    therefore does not affect the windows before and after it.

        subwords   0 1 2 3 4 5 6 7 8 9       size 6, overlap 2
        window 1   [0 1 2 3 4 5]             keeps 0 to 4
        window 2           [4 5 6 7 8 9]     keeps 5 to 9

        window 1   [0 1 2 3 4]               if a sentence starts at 5
        window 2             [5 6 7 8 9]

    n_subwords (int): number of subwords in the Doc, without special ones.
    token_starts: indices of the subwords that start a token, ascending. *Shape:* `(n_starts,)`
    size (int): maximum number of subwords in a window, without special ones; more than `overlap`.
    overlap (int): minimum number of subwords that neighbouring windows share, unless a sentence starts between them.
    sentence_starts: the `token_starts` that start a sentence, ascending. *Shape:* `(n_sentences,)`
    RETURNS (list[Window]): windows in text order.
    """
    ends = np.append(token_starts[1:], n_subwords)
    oversized_tokens = np.flatnonzero(ends - token_starts > size)
    edges = np.unique(np.concatenate([[0], token_starts[oversized_tokens], ends[oversized_tokens], [n_subwords]]))
    parts = pairwise(edges.tolist())
    return [w for part in parts for w in _split_part(*part, token_starts, size, overlap, sentence_starts)]


def windows_from_spans(
    n_subwords: int, token_starts: Ints1d, size: int, overlap: int, runs: Sequence[tuple[int, int]]
) -> list[Window]:
    """Make the windows of a Doc from given runs of subwords.

    If two runs overlap, each window keeps the half of the overlap that is farther from its edge. A run longer than
    `size` is split as `split_windows` splits a Doc. A run inside another one is left out. Subwords outside all runs are
    split like a separate Doc.

        subwords 0 to 9, runs 0-5, 3-9, size 6    →   Window(0, 5, 0, 4), Window(3, 9, 4, 9), Window(9, 10, 9, 10)

    n_subwords, token_starts, size, overlap: see `split_windows`.
    runs (Sequence[tuple[int, int]]): start and end subword of each run, in any order.
    RETURNS (list[Window]): windows in text order.
    """
    cuts: list[tuple[int, int]] = []
    covered = 0
    for start, end in [*sorted(runs, key=lambda run: (run[0], -run[1])), (n_subwords, n_subwords + 1)]:
        if start > covered:
            cuts.extend(_split_run(covered, start, token_starts, size, overlap))
        if covered < end <= n_subwords:
            first = start
            if cuts and start <= cuts[-1][0]:  # the run before was longer than `size` and has been split
                first = min(int(token_starts[np.searchsorted(token_starts, cuts[-1][0], side="right")]), covered)
            cuts.extend(_split_run(first, end, token_starts, size, overlap))
            covered = end
    return _with_kept_parts(cuts, 0, n_subwords)


def _split_run(first: int, last: int, token_starts: Ints1d, size: int, overlap: int) -> list[tuple[int, int]]:
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
        sentence = _last_start(sentence_starts, start + size // 2, end)
        if sentence is not None:
            cuts.append((start, sentence))
            start = sentence
            continue
        # Inside an oversized token there is no token start to cut at.
        end = _last_start(token_starts, start + overlap, end) or end
        cuts.append((start, end))
        start = _last_start(token_starts, start, end - overlap) or end - overlap
    return _with_kept_parts(cuts, first, last)


def _with_kept_parts(cuts: Sequence[tuple[int, int]], first: int, last: int) -> list[Window]:
    """Add to each start and end the part of the window that is kept."""
    edges = [first, *((after[0] + before[1] + 1) // 2 for before, after in pairwise(cuts)), last]
    return [Window(*cut, *keep) for cut, keep in zip(cuts, pairwise(edges), strict=True)]


def _last_start(starts: Ints1d, above: int, at_most: int) -> int | None:
    """Return the last start with `above < start <= at_most`, or None."""
    i = int(np.searchsorted(starts, at_most, side="right")) - 1
    return int(starts[i]) if i >= 0 and starts[i] > above else None


def sentence_starts(doc: Doc) -> Ints1d:
    """Find the tokens that start a sentence.

    Sentences are those set by an earlier component. If none are set, spaCy's `Sentencizer` guesses them from full stops
    and similar punctuation.

    doc (Doc): the Doc.
    RETURNS: token indices. *Shape:* `(n_sentences,)`
    """
    if doc.has_annotation("SENT_START"):
        return np.flatnonzero(doc.to_array(SENT_START) == 1)
    return np.flatnonzero(Sentencizer().predict([doc])[0])


def stitch_indices(
    windows: Sequence[Window], firsts: Sequence[int], rows: Sequence[int], n_before: int
) -> tuple[Ints1d, Ints1d]:
    """Find the rows of the kept logits in a batch of windows, and their rows in the table of all Docs' subwords.

    windows (Sequence[Window]): the batch. Its windows follow one another in the batch's logits.
    firsts (Sequence[int]): for each window, the table row of its Doc's first subword.
    rows (Sequence[int]): for each window, its first row in the batch's logits.
    n_before (int): number of special subwords before the text in each window.
    RETURNS: rows in the batch, and rows in the table. *Shape:* `(n_kept,)` each
    """
    source = [
        np.arange(w.keep_start, w.keep_end) - w.start + n_before + row for w, row in zip(windows, rows, strict=True)
    ]
    target = [np.arange(w.keep_start, w.keep_end) + first for w, first in zip(windows, firsts, strict=True)]
    return np.concatenate(source), np.concatenate(target)
