"""Split the subwords of a long Doc into windows at sentence starts or with an overlap."""

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
    """A run of subwords that the encoder processes at once.

    The kept ranges of a Doc's windows follow one another without gaps, so each subword gets its logits from exactly one
    window.

    start (int): index of the window's first subword in the Doc.
    end (int): index after the window's last subword.
    keep_start (int): index of the first subword with logits to keep.
    keep_end (int): index after the last subword with logits to keep.
    """

    start: int
    end: int
    keep_start: int
    keep_end: int


def split_windows(
    n_subwords: int, token_starts: Ints1d, size: int, overlap: int, sentence_starts: Ints1d = NO_SENTENCES
) -> list[Window]:
    """Split a Doc into windows of at most `size` subwords.

    If a sentence starts in the second half of a window, the next window starts there and the two windows do not
    overlap. Otherwise, adjacent windows overlap by at least `overlap` subwords. Windows start and end at token starts.
    Each window keeps the half of the overlap that is farther from its edge, because the encoder has seen more context
    there. A token that is longer than a window, such as a base64 image, gets separate windows. It therefore does not
    affect the windows before and after it.

        subwords   0 1 2 3 4 5 6 7 8 9       size 6, overlap 2
        window 1   [0 1 2 3 4 5]             keeps 0 to 4
        window 2           [4 5 6 7 8 9]     keeps 5 to 9

        window 1   [0 1 2 3 4]               if a sentence starts at 5
        window 2             [5 6 7 8 9]

    n_subwords (int): number of subwords in the Doc, without special subwords.
    token_starts (Ints1d): indices of the subwords that start a token, in ascending order. *Shape:* `(n_starts,)`
    size (int): maximum number of subwords in a window, without special subwords. It must be greater than `overlap`.
    overlap (int): minimum number of subwords that adjacent windows share, unless a sentence starts between them.
    sentence_starts (Ints1d): those `token_starts` that start a sentence, in ascending order. Default: none.
        *Shape:* `(n_sentences,)`
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
    """Convert runs of subwords in a Doc to windows.

    If two runs overlap, each window keeps the half of the overlap that is farther from its edge. A run that is longer
    than `size` is split like a Doc in `split_windows`. A run inside another run is omitted. Subwords outside all runs
    are split like a separate Doc.

        subwords 0 to 9, runs 0-5, 3-9, size 6    →   Window(0, 5, 0, 4), Window(3, 9, 4, 9), Window(9, 10, 9, 10)

    n_subwords (int): see `split_windows`.
    token_starts (Ints1d): see `split_windows`. *Shape:* `(n_starts,)`
    size (int): see `split_windows`.
    overlap (int): see `split_windows`.
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
            if cuts and start <= cuts[-1][0]:  # the previous run was longer than `size` and has been split
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
        # An oversized token contains no other token start at which to end the window.
        end = _last_start(token_starts, start + overlap, end) or end
        cuts.append((start, end))
        start = _last_start(token_starts, start, end - overlap) or end - overlap
    return _with_kept_parts(cuts, first, last)


def _with_kept_parts(cuts: Sequence[tuple[int, int]], first: int, last: int) -> list[Window]:
    """Convert start and end indices to windows by adding the range that each window keeps."""
    edges = [first, *((after[0] + before[1] + 1) // 2 for before, after in pairwise(cuts)), last]
    return [Window(*cut, *keep) for cut, keep in zip(cuts, pairwise(edges), strict=True)]


def _last_start(starts: Ints1d, above: int, at_most: int) -> int | None:
    """Return the last start with `above < start <= at_most`; None if there is no such start."""
    i = int(np.searchsorted(starts, at_most, side="right")) - 1
    return int(starts[i]) if i >= 0 and starts[i] > above else None


def sentence_starts(doc: Doc) -> Ints1d:
    """Return the indices of the tokens that start a sentence.

    Use the sentence starts that an earlier component has set. If there are none, use spaCy's `Sentencizer`, which
    predicts them from full stops and similar punctuation.

    doc (Doc): Doc to examine.
    RETURNS (Ints1d): token indices. *Shape:* `(n_sentences,)`
    """
    if doc.has_annotation("SENT_START"):
        return np.flatnonzero(doc.to_array(SENT_START) == 1)
    return np.flatnonzero(Sentencizer().predict([doc])[0])


def stitch_indices(
    windows: Sequence[Window], firsts: Sequence[int], rows: Sequence[int], n_before: int
) -> tuple[Ints1d, Ints1d]:
    """Return the rows of the kept logits in a batch of windows, and the corresponding rows in the table for all Docs.

    windows (Sequence[Window]): windows in the batch.
    firsts (Sequence[int]): table row for the first subword in each window's Doc.
    rows (Sequence[int]): index of each window's first row in the batch's logits.
    n_before (int): number of special subwords before the text in each window.
    RETURNS (tuple[Ints1d, Ints1d]): row indices in the batch, and row indices in the table. *Shape:* `(n_kept,)` each
    """
    source = [
        np.arange(w.keep_start, w.keep_end) - w.start + n_before + row for w, row in zip(windows, rows, strict=True)
    ]
    target = [np.arange(w.keep_start, w.keep_end) + first for w, first in zip(windows, firsts, strict=True)]
    return np.concatenate(source), np.concatenate(target)
