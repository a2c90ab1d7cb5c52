"""Merge head columns with the same tag by adding their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch

from .tag_scheme import TagSet, build_tag_set


def distinct(tags: TagSet) -> TagSet:
    """Return a head's tag set without duplicate tags, ordered by the first column of each tag.

        O B-per O I-per   →   O B-per I-per

    tags (TagSet): the tags of all columns.
    """
    return build_tag_set(tuple(dict.fromkeys(tags.tags)), tags.scheme)


def merge_equal(logits: torch.Tensor, tags: Sequence[str]) -> torch.Tensor:
    """Merge the logits of columns with the same tag by log-sum-exp.

    The softmax probability of a merged logit is the sum of its columns' probabilities. Its gradient is distributed over
    these columns in proportion to their probabilities.

    logits: logits of all columns. *Shape:* `(…, n_columns)`
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
    """Return the column indices of each tag, or None if each tag has one column.

    The lists are padded to equal length with the index after the last column.
    """
    columns: dict[str, list[int]] = {}
    for i, tag in enumerate(tags):
        columns.setdefault(tag, []).append(i)
    n_max = max(map(len, columns.values()))
    if n_max == 1:
        return None
    return [tag_columns + [len(tags)] * (n_max - len(tag_columns)) for tag_columns in columns.values()]
