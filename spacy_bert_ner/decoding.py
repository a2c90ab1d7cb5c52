"""From tag logits to entities: the best legal tag sequence."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .alignment import first_rows
from .tags import entities_of_tag_ids, split_tag
from .types import Entity, Floats2d, Ints1d


def decode(logits: Floats2d, lengths: Ints1d, tags: Sequence[str], *, is_iob2: bool) -> list[Entity]:
    """Read the entities from the first subword of each token.

    Tokens without subwords (white space, control characters) are passed over: an entity may go on across them, but
    neither begins nor ends there.

    logits: one row a subword, grouped by token. *Shape:* `(n_rows, n_tags)`
    lengths: rows of each token. *Shape:* `(n_tokens,)`
    tags: the tag of each column.
    is_iob2: whether entities begin with `B-` alone; see `best_legal_path`.
    RETURNS: entities in tokens of the Doc, in the order of the text.
    """
    tokens, rows = first_rows(lengths)
    spelled = entities_of_tag_ids(best_legal_path(logits[rows], tuple(tags), is_iob2=is_iob2), tags)
    return [Entity(label, int(tokens[start]), int(tokens[end - 1]) + 1) for label, start, end in spelled]


def best_legal_path(logits: Floats2d, tags: tuple[str, ...], *, is_iob2: bool) -> Ints1d:
    """The legal tag sequence with the highest sum of logits, by the algorithm of Viterbi.

    An `I-x` is legal after `B-x` or `I-x`, and where IOB2 is not known to hold also at the beginning and after `O`:
    there it begins an entity, as in IOB1. It is never legal after another label. The sequence of the highest logits is
    taken where it is legal, since no other can then have a higher sum; only the few sequences that are not cost a walk
    over their tokens.

        logits    O  B-org  I-per  I-org        the highest of each token, illegal twice
        path      O  B-org  I-org  I-org        one entity, where repair would make three

    logits: one row a token. *Shape:* `(n_tokens, n_tags)`
    tags: the tag of each column.
    is_iob2: whether every entity of the training data began with `B-`.
    RETURNS: tag ids. *Shape:* `(n_tokens,)`
    """
    path: Ints1d = logits.argmax(axis=1)
    may_begin, may_follow = _rules(tags, is_iob2)
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
def _rules(tags: tuple[str, ...], is_iob2: bool) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which tags may begin a sequence `(n_tags,)`, and which may follow which `(n_tags before, n_tags)`."""
    split = [split_tag(tag) for tag in tags]
    # Where a checkpoint has no B- tag for a label, its I- tag has to begin entities, also next to others.
    opens = [prefix != "I" or ("B", label) not in split for prefix, label in split]
    may_begin = np.array(opens) | (not is_iob2)
    may_follow = [
        [
            open_ or label == before or (not is_iob2 and not before)
            for (_, label), open_ in zip(split, opens, strict=True)
        ]
        for _, before in split
    ]
    return may_begin, np.array(may_follow)
