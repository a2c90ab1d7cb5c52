"""Look ahead in a stream, and group windows so that little of a batch is padding, or nearly none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import TypeVar

import numpy as np

from ..types import Ints1d, Ints2d

T = TypeVar("T", bound=Sized)

BATCH_OVERHEAD_TOKENS = 64
"""What one more pass through the encoder may cost, in subwords of padding that it saves. Found by trying 0 to 160 with
a six-layer encoder on two cores: updates of 16 sentences are fastest from 48 to 96, and a sixth faster than unsplit."""

LOOK_AHEAD = 16
"""How far to look, in full batches. Sentences of GMB then fill 96 % of their batches, instead of 93 % with 4, and 88 %
with 64 sentences at a time; to look further gains nothing."""


def read_ahead_batches(stream: Iterable[T], n_items: int, max_batch_tokens: int) -> Iterator[list[T]]:
    """Cut a stream into runs whose windows are then grouped together.

    The first run is small, so that the first result comes early; each later one may have four times the tokens of the
    one before, up to `LOOK_AHEAD` full batches, which bounds what is held in memory.

        max_batch_tokens 10, Docs of 4 tokens   →   2 Docs, 10, 40, 40, …

    stream: Docs, or whatever else has a length in tokens.
    n_items: most of them in a run; at least 1.
    max_batch_tokens: tokens of the first run. One that alone has more than a run may have is a run of its own.
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
    """Group windows so that the sum of padded sizes, plus `BATCH_OVERHEAD_TOKENS` a batch, is small.

    Windows are taken from the longest to the shortest. A batch is closed when one more window would exceed the budget,
    or when the padding that this window needs costs more than a batch of its own.

        lengths 9 30 8 31, budget 64   →   [3, 1], [0, 2]

    lengths: subwords in each window, special ones included.
    max_batch_tokens: most subwords in a batch, padding included; a longer window is a batch of its own.
    RETURNS: for each batch, the places of its windows in `lengths`, longest first. Every place occurs once.
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
    """Group windows for a pass that needs no padding: as many as there is room for, those of like length together.

        lengths 9 30 8 31, budget 64   →   [3, 1], [0, 2]

    lengths: subwords in each window, special ones included.
    max_batch_tokens: most subwords in a batch; a longer window is a batch of its own.
    RETURNS: for each batch, the places of its windows in `lengths`, longest first. Every place occurs once.
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
    """Group windows of the same length only, so that none is padded; see `batch_invariance.PADDING_SENSITIVE`.

        lengths 9 30 9 31 9, budget 18   →   [3], [1], [0, 2], [4]

    lengths: subwords in each window, special ones included.
    max_batch_tokens: most subwords in a batch; a longer window is a batch of its own.
    RETURNS: for each batch, the places of its windows in `lengths`, longest first. Every place occurs once.
    """
    batches: list[list[int]] = []
    for i in np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist():
        last = batches[-1] if batches else []
        if not last or lengths[last[0]] != lengths[i] or lengths[i] * (len(last) + 1) > max_batch_tokens:
            batches.append([])
        batches[-1].append(i)
    return batches


def bucket_size(n: int, limit: int) -> int:
    """The next of few sizes: multiples of 8, then of 16 from 64 on, of 32 from 128 on, and so on.

    What multiplies matrices keeps a kernel of a megabyte or two for each number of rows that it meets. Up to 2,048
    there are 28 of these sizes, and a full batch has nearly 2,048 rows in any case.

    limit: beyond which no rows are added.
    """
    step = 1 << max(3, (n - 1).bit_length() - 3)
    return max(n, min(-(-n // step) * step, limit))


def pad_windows(windows: Sequence[Ints1d], padding: int, longest: int) -> tuple[Ints2d, Ints2d]:
    """Put windows one below the other.

    windows: ids of each. *Shape:* `(n,)` each, none longer than `longest`
    padding (int): the id that fills up the rows.
    RETURNS: ids, and 1 where one is not padding. *Shape:* `(n_windows, longest)` each
    """
    ids = np.full((len(windows), longest), padding, dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, window in enumerate(windows):
        ids[row, : len(window)] = window
        mask[row, : len(window)] = 1
    return ids, mask
