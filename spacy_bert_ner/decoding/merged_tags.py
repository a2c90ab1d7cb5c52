"""Columns of a head that have the same tag: their probabilities are added up, so that the tag has one logit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch

from .tag_scheme import TagSet, build_tag_set


def distinct(tags: TagSet) -> TagSet:
    """The tags of a head without repetitions, in the order of their first columns, and their rules.

    O B-per O I-per   →   O B-per I-per
    """
    return build_tag_set(tuple(dict.fromkeys(tags.tags)), tags.scheme)


def merge_equal(logits: torch.Tensor, tags: Sequence[str]) -> torch.Tensor:
    """One logit for each tag: the logarithm of the sum of the exponentials of its columns.

    Softmax then gives the sum of the probabilities of these columns, as it would give them one by one. A gradient is
    shared among the columns by their probabilities.

    tags: of the columns.
    RETURNS: the logits of `distinct` tags; `logits` itself where no tag is repeated. *Shape:* `(…, n_tags)` for
        `(…, n_columns)`
    """
    columns = _columns_of(tuple(tags))
    if columns is None:
        return logits
    nothing = logits.new_full((*logits.shape[:-1], 1), -torch.inf)
    padded = torch.cat([logits, nothing], dim=-1)
    merged: torch.Tensor = padded[..., torch.tensor(columns, device=logits.device)].logsumexp(dim=-1)
    return merged


@lru_cache(maxsize=64)
def _columns_of(tags: tuple[str, ...]) -> list[list[int]] | None:
    """The columns of each tag, filled up to the same length with one that is behind all; None if each has one."""
    columns: dict[str, list[int]] = {}
    for i, tag in enumerate(tags):
        columns.setdefault(tag, []).append(i)
    most = max(map(len, columns.values()))
    return None if most == 1 else [own + [len(tags)] * (most - len(own)) for own in columns.values()]
