"""From tag logits to entities: which tokens are read together, and the tag of each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .alignment import first_rows
from .lattice import best_path
from .tags import TagSet
from .types import Bools1d, Floats2d, Ints1d, Obstacles

DECODINGS = ("viterbi", "greedy")

_FAR = 1000.0


class Chain(NamedTuple):
    """The tokens of a Doc that get a tag, in sequences that are independent of each other.

    tokens: the place of each in the Doc. *Shape:* `(n,)`
    rows: the row of the logits that speaks for each, that of its first subword. *Shape:* `(n,)`
    begins: whether a sequence begins with it. *Shape:* `(n,)`
    behind: whether it begins directly behind a token that is in an entity already. *Shape:* `(n,)`
    """

    tokens: Ints1d
    rows: Ints1d
    begins: Bools1d
    behind: Bools1d


def chain(lengths: Ints1d, found: Obstacles) -> Chain:
    """Find the tokens that get a tag, and where entities cannot go on.

    Tokens without subwords (white space, control characters) are passed over: an entity may go on across them, but
    neither begins nor ends there. Tokens that are blocked or in an entity are passed over too, and no entity goes on
    across them.

        tokens     0  1  2  3  4  5  6
        lengths    1  2  0  1  1  1  1      token 2 is white space
        present                x            token 4 is in an entity already
        cuts                         x      a sentence begins at token 6
        tokens     0  1     3     5  6
        begins     x              x  x
        behind                    x

    lengths: rows of each token. *Shape:* `(n_tokens,)`
    found: in which no entity can be.
    """
    tokens, rows = first_rows(lengths)
    taken = found.blocked | found.present
    # Taken tokens count as sections of their own, so that what is before and after them differs.
    section, sentence = np.cumsum(found.cuts | taken), np.cumsum(found.cuts)
    behind = np.zeros(len(tokens), dtype=bool)
    behind[1:] = found.present[tokens[:-1]] & (sentence[tokens[1:]] == sentence[tokens[:-1]])
    free = ~taken[tokens]
    tokens, rows, behind = tokens[free], rows[free], behind[free]
    begins = np.ones(len(tokens), dtype=bool)
    begins[1:] = section[tokens[1:]] != section[tokens[:-1]]
    return Chain(tokens, rows, begins, behind)


def bar(logits: Floats2d, chain: Chain, tags: TagSet) -> Floats2d:
    """Rule out what cannot be legal behind the entities that are there already.

    Where `I-` begins an entity behind `O` alone, it begins none directly behind another entity, whoever found that.

    logits: one row a token. *Shape:* `(n_tokens, n_tags)`
    RETURNS: the same shape; the logits of what is ruled out are so far below the highest that they do not count.
    """
    barred = chain.behind[:, None] & tags.needs_outside
    return np.where(barred, logits.max(axis=1, keepdims=True) - _FAR, logits) if barred.any() else logits


def best_tags(logits: Floats2d, begins: Bools1d, tags: TagSet, *, decoding: str) -> Ints1d:
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
