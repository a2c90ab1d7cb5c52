"""From tag logits to entities: which tokens are read together, and the tag of each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .alignment import first_rows
from .lattice import best_path
from .tags import TagSet
from .types import Floats2d, Ints1d

DECODINGS = ("viterbi", "greedy")


class Chain(NamedTuple):
    """The tokens of a Doc that get a tag, in sequences that are independent of each other.

    tokens: the place of each in the Doc. *Shape:* `(n,)`
    rows: the row of the logits that speaks for each, that of its first subword. *Shape:* `(n,)`
    begins: whether a sequence begins with it. *Shape:* `(n,)`
    """

    tokens: Ints1d
    rows: Ints1d
    begins: NDArray[np.bool_]


def chain(lengths: Ints1d, taken: NDArray[np.bool_], cuts: NDArray[np.bool_]) -> Chain:
    """Find the tokens that get a tag, and where entities cannot go on.

    Tokens without subwords (white space, control characters) are passed over: an entity may go on across them, but
    neither begins nor ends there. Tokens that are taken are passed over too, and no entity goes on across them.

        tokens     0  1  2  3  4  5  6
        lengths    1  2  0  1  1  1  1      token 2 is white space
        taken                  x            token 4 is an entity already
        cuts                         x      a sentence begins at token 6
        tokens     0  1     3     5  6
        begins     x              x  x

    lengths: rows of each token. *Shape:* `(n_tokens,)`
    taken: tokens that get no tag. *Shape:* `(n_tokens,)`
    cuts: tokens across whose left edge no entity goes. *Shape:* `(n_tokens,)`
    """
    tokens, rows = first_rows(lengths)
    free = ~taken[tokens]
    tokens, rows = tokens[free], rows[free]
    # Taken tokens count as sections of their own, so that what is before and after them differs.
    section = np.cumsum(cuts | taken)[tokens]
    begins = np.ones(len(tokens), dtype=bool)
    begins[1:] = section[1:] != section[:-1]
    return Chain(tokens, rows, begins)


def best_tags(logits: Floats2d, begins: NDArray[np.bool_], tags: TagSet, *, decoding: str) -> Ints1d:
    """The tag of each token.

        logits    O  B-org  I-per  I-org     the highest of each token, illegal twice
        viterbi   O  B-org  I-org  I-org     the legal sequence with the highest sum of logits: one entity
        greedy    O  B-org  I-per  I-org     as it is; `TagSet.entities` will read three entities

    The sequence of the highest logits is taken where it is legal, since no other can then have a higher sum. Only the
    few sequences that are not are searched; see `lattice.best_path`.

    logits: one row a token. *Shape:* `(n_tokens, n_tags)`
    begins: whether a token is the first of a sequence. *Shape:* `(n_tokens,)`
    decoding (str): "viterbi" or "greedy".
    RETURNS: tag ids. *Shape:* `(n_tokens,)`
    """
    path: Ints1d = logits.argmax(axis=1)
    if decoding == "greedy" or not len(path):
        return path
    before = np.concatenate([path[:1], path[:-1]])
    legal = np.where(begins, tags.may_begin[path], tags.may_follow[before, path])
    ends = np.append(begins[1:], True)
    legal &= ~ends | tags.may_end[path]
    sequence = np.cumsum(begins) - 1
    broken = np.bincount(sequence, weights=~legal)[sequence] > 0
    path[broken] = best_path(logits[broken], begins[broken], tags)
    return path
