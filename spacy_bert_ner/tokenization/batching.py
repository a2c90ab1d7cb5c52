"""Read ahead in a stream of Docs, and group windows into batches with little padding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import TypeVar

import numpy as np

from ..types import Ints1d, Ints2d

T = TypeVar("T", bound=Sized)

BATCH_OVERHEAD_TOKENS = 64
"""Cost of one more forward pass, in subwords of padding. A batch is split if that saves more padding than this.
Values from 0 to 160 were measured with a six-layer encoder on two cores. Updates of 16 sentences are fastest from 48
to 96, and a sixth faster than without splitting."""

LOOK_AHEAD = 16
"""Number of full batches to read ahead. With 16, sentences of GMB fill 96 % of their batches. With 4 they fill 93 %,
and with 64 sentences at a time 88 %. Reading further ahead gains nothing."""


def read_ahead_batches(stream: Iterable[T], n_items: int, max_batch_tokens: int) -> Iterator[list[T]]:
    """Cut a stream into runs of items. The windows of a run are later batched together.

    The first run is small, so the first result comes early. Each later run may have four times as many tokens as the
    run before it, up to `LOOK_AHEAD` full batches, which bounds the memory in use.

        max_batch_tokens 10, Docs of 4 tokens   →   2 Docs, 10, 40, 40, …

    stream (Iterable): Docs, or other items with a length in tokens.
    n_items (int): maximum number of items in a run, at least 1.
    max_batch_tokens (int): maximum number of tokens in the first run. An item that exceeds the limit of a run forms a
        run by itself.
    YIELDS (list): the items of a run, in the order of the stream.
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
    """Group windows so that their total padded size, plus `BATCH_OVERHEAD_TOKENS` per batch, is small.

    Windows are taken from the longest to the shortest. A batch is closed if one more window would exceed the budget, or
    if the padding of that window would cost more than a new batch.

        lengths 9 30 8 31, budget 64   →   [3, 1], [0, 2]

    lengths (Sequence[int]): number of subwords in each window, including special ones.
    max_batch_tokens (int): maximum number of subwords in a batch, including padding. A longer window forms a batch by
        itself.
    RETURNS (list[list[int]]): for each batch, indices into `lengths`, longest window first. Each index occurs once.
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
    """Group windows for a forward pass without padding: windows of similar length, as many as the budget allows.

        lengths 9 30 8 31, budget 64   →   [3, 1], [0, 2]

    lengths (Sequence[int]): number of subwords in each window, including special ones.
    max_batch_tokens (int): maximum number of subwords in a batch. A longer window forms a batch by itself.
    RETURNS (list[list[int]]): for each batch, indices into `lengths`, longest window first. Each index occurs once.
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
    """Group windows of equal length, so that no window is padded; see `batch_invariance.PADDING_SENSITIVE`.

        lengths 9 30 9 31 9, budget 18   →   [3], [1], [0, 2], [4]

    lengths (Sequence[int]): number of subwords in each window, including special ones.
    max_batch_tokens (int): maximum number of subwords in a batch. A longer window forms a batch by itself.
    RETURNS (list[list[int]]): for each batch, indices into `lengths`, longest windows first. Each index occurs once.
    """
    batches: list[list[int]] = []
    for i in np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist():
        last = batches[-1] if batches else []
        if not last or lengths[last[0]] != lengths[i] or lengths[i] * (len(last) + 1) > max_batch_tokens:
            batches.append([])
        batches[-1].append(i)
    return batches


def bucket_size(n: int, limit: int) -> int:
    """Round a number of rows up to one of a few sizes: multiples of 8, of 16 from 64 on, of 32 from 128 on, and so on.

    >>> [bucket_size(n, 2048) for n in (7, 65, 130)]
    [8, 80, 160]

    Libraries for matrix products keep a kernel of one or two megabytes for each number of rows. There are 28 sizes up
    to 2,048, and a full batch has nearly 2,048 rows in any case.

    n (int): number of rows.
    limit (int): number of rows beyond which none are added.
    RETURNS (int): the rounded number, at least `n`.
    """
    step = 1 << max(3, (n - 1).bit_length() - 3)
    return max(n, min(-(-n // step) * step, limit))


def pad_windows(windows: Sequence[Ints1d], padding: int, longest: int) -> tuple[Ints2d, Ints2d]:
    """Stack windows as the rows of an array, padded to the same length.

    windows: subword ids of each window, at most `longest` of them. *Shape:* `(n,)` each
    padding (int): id of the padding subword.
    longest (int): number of columns of the result.
    RETURNS: the ids, and a mask that is 0 for padding and 1 elsewhere. *Shape:* `(n_windows, longest)` each
    """
    ids = np.full((len(windows), longest), padding, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, window in enumerate(windows):
        ids[row, : len(window)] = window
        mask[row, : len(window)] = 1
    return ids, mask
