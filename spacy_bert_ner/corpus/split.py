"""Split a corpus at random into train, dev and test."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import TypeVar

import numpy as np

from ..errors import CorpusError, Errors
from ..types import Ints1d

PARTS = ("train", "dev", "test")
T = TypeVar("T")


def parse_split(text: str) -> list[int]:
    """`"80/10/10"` to `[80, 10, 10]`: percentages for train, dev and, where there is a third, test.

    RAISES CorpusError: not two or three whole numbers from 1 that add up to 100.
    """
    parts = text.split("/")
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit()]
    if len(numbers) != len(parts) or len(parts) not in (2, 3) or min(numbers) < 1 or sum(numbers) != 100:
        raise CorpusError(Errors.bad_split.format(split=text))
    return numbers


def split_places(n: int, split: str, seed: int) -> dict[str, Ints1d]:
    """Shuffle with `numpy.random.RandomState(seed).permutation`, then cut.

    The order is that of pandas' `DataFrame.sample(frac=1, random_state=seed)`, which many tutorials use, so that
    their splits can be made again.

    n: how many there are to split.
    split (str): see `parse_split`.
    seed (int): of the shuffle.
    RETURNS: the places of those in each part.
    RAISES CorpusError: the split is not allowed, or a part would be empty.
    """
    percent = parse_split(split)
    order = np.random.RandomState(seed).permutation(n)
    edges = [0, *(n * share // 100 for share in accumulate(percent))]
    parts = {name: order[start:end] for name, (start, end) in zip(PARTS, pairwise(edges), strict=False)}
    for name, part in parts.items():
        if not len(part):
            raise CorpusError(Errors.small_split.format(n=n, split=split, part=name))
    return parts


def split_at_random(items: Sequence[T], split: str, seed: int) -> dict[str, list[T]]:
    """The same with the items themselves."""
    return {name: [items[i] for i in part] for name, part in split_places(len(items), split, seed).items()}
