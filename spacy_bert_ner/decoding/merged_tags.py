"""Merge the columns of a head that have the same tag, by adding their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch

from .tag_scheme import TagSet, build_tag_set


def distinct(tags: TagSet) -> TagSet:
    """Return the tag set of a head without duplicates, in the order of each tag's first column.

    O B-per O I-per   →   O B-per I-per
    """
    return build_tag_set(tuple(dict.fromkeys(tags.tags)), tags.scheme)


def merge_equal(logits: torch.Tensor, tags: Sequence[str]) -> torch.Tensor:
    """Compute one logit per tag: the logarithm of the sum of the exponentials of its columns.

    The softmax of the result gives the sum of the probabilities of these columns. The gradient of a tag is distributed
    over its columns by their probabilities.

    logits: *Shape:* `(…, n_columns)`
    tags (Sequence[str]): tag of each column.
    RETURNS: the logits of the `distinct` tags, or `logits` itself if no tag is repeated. *Shape:* `(…, n_tags)`
    """
    columns = _columns_of(tuple(tags))
    if columns is None:
        return logits
    padding = logits.new_full((*logits.shape[:-1], 1), -torch.inf)
    padded = torch.cat([logits, padding], dim=-1)
    merged: torch.Tensor = padded[..., torch.tensor(columns, device=logits.device)].logsumexp(dim=-1)
    return merged


@lru_cache(maxsize=64)
def _columns_of(tags: tuple[str, ...]) -> list[list[int]] | None:
    """Return the columns of each tag, or None if each tag has one column.

    The lists are padded to equal length with the index one past the last column.
    """
    columns: dict[str, list[int]] = {}
    for i, tag in enumerate(tags):
        columns.setdefault(tag, []).append(i)
    n_max = max(map(len, columns.values()))
    if n_max == 1:
        return None
    return [tag_columns + [len(tags)] * (n_max - len(tag_columns)) for tag_columns in columns.values()]
