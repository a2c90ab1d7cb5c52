"""Divide a corpus randomly into train, dev and test splits, and keep related sentences together."""

from __future__ import annotations

from itertools import accumulate, pairwise

import numpy as np

from ...errors import CorpusError, Errors
from ...types import Ints1d, Ints2d

PARTS = ("train", "dev", "test")


def parse_split(text: str) -> list[int]:
    """Parse percentages for a train split, a dev split and an optional test split.

    >>> parse_split("80/10/10")
    [80, 10, 10]

    text (str): the percentages, separated by slashes.
    RETURNS: two or three percentages.
    RAISES CorpusError: the percentages are not two or three positive whole numbers that add up to 100.
    """
    parts = text.split("/")
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit()]
    if len(numbers) != len(parts) or len(parts) not in (2, 3) or min(numbers) < 1 or sum(numbers) != 100:
        raise CorpusError(Errors.bad_split.format(split=text))
    return numbers


def split_indices(n: int, split: str, seed: int) -> dict[str, Ints1d]:
    """Shuffle indices with `numpy.random.RandomState(seed).permutation` and divide them into splits.

    The order is the same as in pandas' `DataFrame.sample(frac=1, random_state=seed)`. Many tutorials use this method,
    so their splits can be reproduced.

    n (int): number of items.
    split (str): percentages; see `parse_split`.
    seed (int): random seed for shuffling.
    RETURNS: the item indices for each split. *Shape of each:* `(n_items_in_split,)`
    RAISES CorpusError: the percentages are invalid, or a split would be empty.
    """
    percent = parse_split(split)
    order = np.random.RandomState(seed).permutation(n)
    edges = [0, *(n * share // 100 for share in accumulate(percent))]
    parts = {name: order[start:end] for name, (start, end) in zip(PARTS, pairwise(edges), strict=False)}
    _check_parts(parts, n, split)
    return parts


def first_copies(texts: Ints1d) -> Ints1d:
    """Return the index of the first identical sentence for each sentence.

    texts: one number per sentence. Identical sentences have the same number. *Shape:* `(n,)`
    RETURNS: for each sentence, index of the first identical sentence. *Shape:* `(n,)`
    """
    _, first, copy_of = np.unique(texts, return_index=True, return_inverse=True)
    return first[copy_of.reshape(-1)]  # NumPy 2.0 adds a second axis


def copies_together(
    parts: dict[str, Ints1d], copies: Ints1d, split: str, near: Ints1d | None = None
) -> tuple[dict[str, Ints1d], int, int]:
    """Move duplicate sentences to the split that contains the first copy.

    As a result, no test sentence is in the training data.

    parts: the sentence indices for each split; see `split_indices`. *Shape of each:* `(n_sentences_in_split,)`
    copies: one number per sentence. Identical sentences have the same number. *Shape:* `(n,)`
    split (str): percentages, for error messages.
    near: one number per sentence. Identical sentences and near-duplicates have the same number. Default: None, consider
        only identical sentences. *Shape:* `(n,)`
    RETURNS: the new sentence indices for each split, the number of moved exact duplicates, and the number of other
        moved sentences. The sentences keep their relative order.
    RAISES CorpusError: a split would be empty.
    """
    order = np.concatenate(list(parts.values()))
    part_of = np.repeat(np.arange(len(parts)), [len(part) for part in parts.values()])
    new = part_of[first_copies((copies if near is None else near)[order])]
    moved = {name: order[new == i] for i, name in enumerate(parts)}
    _check_parts(moved, len(order), split)
    is_exact = part_of[first_copies(copies[order])] != part_of
    is_moved = new != part_of
    return moved, int((is_moved & is_exact).sum()), int((is_moved & ~is_exact).sum())


def split_units(unit_of: Ints1d, counts: Ints2d, split: str, seed: int) -> dict[str, Ints1d]:
    """Assign units to splits and give each split a proportional share of every label.

    A unit is a group of sentences that stay in the same split, such as a document. The method is iterative
    stratification (Sechidis et al. 2011, https://doi.org/10.1007/978-3-642-23808-6_10), applied to units. Units with
    the rarest label are assigned first. Each unit goes to the split that needs the most entities with this label. If
    several splits need the same number, the unit goes to the one that needs the most sentences.

    unit_of: the unit number of each sentence, from 0. *Shape:* `(n,)`
    counts: number of entities per label in each sentence. An array without columns disables stratification. *Shape:*
        `(n, n_labels)`
    split (str): percentages; see `parse_split`.
    seed (int): random seed for the order of units with the same label.
    RETURNS: the sentence indices for each split, in corpus order. *Shape of each:* `(n_sentences_in_split,)`
    RAISES CorpusError: the percentages are invalid, or a split would be empty.
    """
    shares = np.array(parse_split(split)) / 100
    n_units = int(unit_of.max(initial=-1)) + 1
    # Columns of the table: the number of entities per label, then the number of sentences.
    table = np.zeros((n_units, counts.shape[1] + 1), dtype=np.int64)
    np.add.at(table, unit_of, np.column_stack([counts, np.ones(len(unit_of), dtype=np.int64)]))
    needed = shares[:, None] * table.sum(axis=0)  # (n_splits, n_labels + 1), reduced as units are assigned
    order = np.random.RandomState(seed).permutation(n_units)
    sizes = table[order, -1]
    # Assign large units first, while the splits have room for them.
    order = order[np.argsort(np.where(sizes > shares.min() * len(unit_of) / 2, -sizes, 0), kind="stable")]
    part_of = np.full(n_units, -1)
    while (part_of < 0).any():
        left = order[part_of[order] < 0]
        have = (table[left] > 0).sum(axis=0)
        label = int(np.where(have > 0, have, n_units + 1).argmin())  # the label in the fewest units
        for unit in left[table[left, label] > 0].tolist():
            # Round to hide floating-point errors between equal needs. The number of needed sentences breaks ties.
            part = max(range(len(shares)), key=lambda i: (round(needed[i, label], 6), needed[i, -1]))
            part_of[unit] = part
            needed[part] -= table[unit]
    parts = {name: np.flatnonzero(part_of[unit_of] == i) for i, name in enumerate(PARTS[: len(shares)])}
    _check_parts(parts, len(unit_of), split)
    return parts


def _check_parts(parts: dict[str, Ints1d], n: int, split: str) -> None:
    for name, indices in parts.items():
        if not len(indices):
            raise CorpusError(Errors.small_split.format(n=n, split=split, part=name))
