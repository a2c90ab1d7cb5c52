"""From tag logits to entities: the best legal tag sequence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .alignment import first_rows
from .tags import entities_of_tag_ids, split_tag
from .types import Entity, Floats2d, Ints1d


def decode(logits: Floats2d, lengths: Ints1d, tags: Sequence[str]) -> list[Entity]:
    """Read the entities from the first subword of each token.

    Tokens without subwords (white space, control characters) are passed over: an entity may go on across them, but
    neither begins nor ends there.

    logits: one row a subword, grouped by token. *Shape:* `(n_rows, n_tags)`
    lengths: rows of each token. *Shape:* `(n_tokens,)`
    tags: the tag of each column.
    RETURNS: entities in tokens of the Doc, in the order of the text.
    """
    tokens, rows = first_rows(lengths)
    spelled = entities_of_tag_ids(best_legal_path(logits[rows], tuple(tags)), tags)
    return [Entity(label, int(tokens[start]), int(tokens[end - 1]) + 1) for label, start, end in spelled]


def best_legal_path(logits: Floats2d, tags: tuple[str, ...]) -> Ints1d:
    """The legal tag sequence with the highest sum of logits, by the algorithm of Viterbi.

    An `I-x` is legal after `B-x` or `I-x`. The sequence of the highest logits is taken where it is legal, since no
    other can then have a higher sum; only the few sequences that are not cost a walk over their tokens.

        logits    O  B-org  I-per  I-org        the highest of each token, illegal twice
        path      O  B-org  I-org  I-org        one entity, where repair would make three

    logits: one row a token. *Shape:* `(n_tokens, n_tags)`
    tags: the tag of each column.
    RETURNS: tag ids. *Shape:* `(n_tokens,)`
    """
    path: Ints1d = logits.argmax(axis=1)
    may_begin, may_follow = _rules(tags)
    if not len(path) or (may_begin[path[0]] and may_follow[path[:-1], path[1:]].all()):
        return path
    forbidden = np.where(may_follow, 0.0, -np.inf)  # (tag before, tag)
    score = np.where(may_begin, logits[0], -np.inf).astype(np.float64)
    before = np.zeros(logits.shape, dtype=np.int64)
    for i in range(1, len(logits)):
        candidates = score[:, None] + forbidden
        before[i] = candidates.argmax(axis=0)
        score = candidates.max(axis=0) + logits[i]
    path[-1] = score.argmax()
    for i in range(len(logits) - 1, 0, -1):
        path[i - 1] = before[i, path[i]]
    return path


@lru_cache(maxsize=64)
def _rules(tags: tuple[str, ...]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which tags may begin a sequence `(n_tags,)`, and which may follow which `(n_tags before, n_tags)`."""
    split = [split_tag(tag) for tag in tags]
    # Where a checkpoint has no B- tag for a label, its I- tag has to begin entities.
    needs = [prefix == "I" and ("B", label) in split for prefix, label in split]
    may_begin = ~np.array(needs)
    may_follow = np.array(
        [
            [not need or label == label_before for (_, label), need in zip(split, needs, strict=True)]
            for _, label_before in split
        ]
    )
    return may_begin, may_follow
