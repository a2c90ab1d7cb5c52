"""Read Docs ahead from a stream, and group windows into batches with little padding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import TypeVar

import numpy as np

from ..types import Ints1d, Ints2d

T = TypeVar("T", bound=Sized)

BATCH_OVERHEAD_TOKENS = 64
"""Cost of an additional forward pass, measured in padding subwords.

A batch is split if splitting saves more padding than this. Values from 0 to 160 were tested with a six-layer encoder on
two cores. Updates with 16 sentences are fastest with values from 48 to 96. They are then a sixth faster than without
splitting.
"""

LOOK_AHEAD = 16
"""Number of full batches to read ahead.

With a value of 16, GMB sentences fill 96% of their batches. With a value of 4, they fill 93%. If 64 sentences are read
at a time instead, they fill 88%. Values above 16 bring no further gain.
"""


def read_ahead_batches(stream: Iterable[T], n_items: int, max_batch_tokens: int) -> Iterator[list[T]]:
    """Split a stream into runs of items. The windows in a run are later batched together.

    The first run is small, so the first result is available early. The token limit of each later run is four times the
    limit of the previous run, up to `LOOK_AHEAD` full batches. This maximum bounds memory use.

        max_batch_tokens 10, Docs of 4 tokens   →   2 Docs, 10, 40, 40, …

    stream (Iterable): Docs, or other items with a length in tokens.
    n_items (int): maximum number of items in a run. It must be at least 1.
    max_batch_tokens (int): maximum number of tokens in the first run. An item that exceeds the limit of its run forms a
        separate run.
    YIELDS (list): items in a run, in stream order.
    """
    run: list[T] = []
    n_tokens, limit = 0, max_batch_tokens
    for item in stream:
        if run and n_tokens + len(item) > limit:
            yield run
            run, n_tokens = [], 0
            limit = min(4 * limit, LOOK_AHEAD * max_batch_tokens)
        run.append(item)
        n_tokens += len(item)
        if len(run) == n_items:
            yield run
            run, n_tokens = [], 0
    if run:
        yield run


def batch_padded(lengths: Sequence[int], max_batch_tokens: int) -> list[list[int]]:
    """Group windows into batches with little padding and few batches.

    Windows are added to batches from the longest to the shortest. A new batch starts if the next window would exceed
    the budget, or if the batch's padding would then cost more than a new batch (`BATCH_OVERHEAD_TOKENS`).

        lengths 9 30 8 31, budget 64   →   [3, 1], [0, 2]

    lengths (Sequence[int]): number of subwords in each window, including special subwords.
    max_batch_tokens (int): maximum number of subwords in a batch, including padding. A longer window forms a separate
        batch.
    RETURNS (list[list[int]]): indices into `lengths` for each batch, with the longest window first. Each index occurs
        once.
    """
    batches: list[list[int]] = []
    longest = padding = 0
    for i in np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist():
        padding += longest - lengths[i]
        if not batches or longest * (len(batches[-1]) + 1) > max_batch_tokens or padding > BATCH_OVERHEAD_TOKENS:
            batches.append([])
            longest, padding = lengths[i], 0
        batches[-1].append(i)
    return batches


def batch_packed(lengths: Sequence[int], max_batch_tokens: int) -> list[list[int]]:
    """Group windows with similar lengths for a forward pass without padding, as many per batch as the budget allows.

        lengths 9 30 8 31, budget 64   →   [3, 1], [0, 2]

    lengths (Sequence[int]): number of subwords in each window, including special subwords.
    max_batch_tokens (int): maximum number of subwords in a batch. A longer window forms a separate batch.
    RETURNS (list[list[int]]): indices into `lengths` for each batch, with the longest window first. Each index occurs
        once.
    """
    batches: list[list[int]] = []
    n_tokens = 0
    for i in np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist():
        if not batches or n_tokens + lengths[i] > max_batch_tokens:
            batches.append([])
            n_tokens = 0
        batches[-1].append(i)
        n_tokens += lengths[i]
    return batches


def batch_equal(lengths: Sequence[int], max_batch_tokens: int) -> list[list[int]]:
    """Group windows with equal lengths, so that no window is padded.

    Encoders in `batch_invariance.PADDING_SENSITIVE` require such batches.

        lengths 9 30 9 31 9, budget 18   →   [3], [1], [0, 2], [4]

    lengths (Sequence[int]): number of subwords in each window, including special subwords.
    max_batch_tokens (int): maximum number of subwords in a batch. A longer window forms a separate batch.
    RETURNS (list[list[int]]): indices into `lengths` for each batch, with the longest windows first. Each index occurs
        once.
    """
    batches: list[list[int]] = []
    for i in np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist():
        last = batches[-1] if batches else []
        if not last or lengths[last[0]] != lengths[i] or lengths[i] * (len(last) + 1) > max_batch_tokens:
            batches.append([])
        batches[-1].append(i)
    return batches


def bucket_size(n: int, limit: int) -> int:
    """Round a number of rows up to one of a few sizes.

    The sizes are multiples of 8 up to 64, multiples of 16 up to 128, multiples of 32 up to 256, and so on.

    >>> [bucket_size(n, 2048) for n in (7, 65, 130)]
    [8, 80, 160]

    Matrix product libraries keep a kernel of one or two megabytes for each number of rows. Rounding limits the number
    of kernels, because there are only 28 sizes up to 2,048. A full batch has nearly 2,048 rows, so rounding adds few.

    n (int): number of rows.
    limit (int): maximum number of rows after rounding. A number that already exceeds the limit is not rounded.
    RETURNS (int): rounded number of rows, at least `n`.
    """
    step = 1 << max(3, (n - 1).bit_length() - 3)
    return max(n, min(-(-n // step) * step, limit))


def pad_windows(windows: Sequence[Ints1d], padding: int, longest: int) -> tuple[Ints2d, Ints2d]:
    """Pad windows to the same length, and stack them as the rows of a matrix.

    windows (Sequence[Ints1d]): subword IDs of each window, with at most `longest` subwords. *Shape:* `(n,)` each
    padding (int): ID of the padding subword.
    longest (int): number of columns in the result.
    RETURNS (tuple[Ints2d, Ints2d]): subword IDs, and a mask that is 0 for padding and 1 elsewhere.
        *Shape:* `(n_windows, longest)` each
    """
    ids = np.full((len(windows), longest), padding, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, window in enumerate(windows):
        ids[row, : len(window)] = window
        mask[row, : len(window)] = 1
    return ids, mask
