"""From tag logits to entities: which tokens are read together, and the tag of each."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..tokenization.alignment import first_subword_rows
from ..types import Bools1d, EntityConstraints, Floats2d, Ints1d
from .lattice import viterbi
from .tag_scheme import TagSet

DECODINGS = ("viterbi", "greedy")

_FAR = 1000.0


class TagChain(NamedTuple):
    """The positions of a Doc that get a tag, in sequences that are independent of each other.

    A position is a token and the tokens that are joined to it; see `alignment.Alignment`. Where every subword is read,
    each subword is a position.

    tokens: index of the first token of each. *Shape:* `(n,)`
    ends: one past the last token of each. *Shape:* `(n,)`
    rows: the row of the logits that speaks for each. *Shape:* `(n,)`
    begins: whether a sequence begins with it. *Shape:* `(n,)`
    behind: whether it begins directly behind a token that is in an entity already. *Shape:* `(n,)`
    """

    token_indices: Ints1d
    ends: Ints1d
    first_rows: Ints1d
    is_start: Bools1d
    follows_entity: Bools1d


def token_chain(lengths: Ints1d, found: EntityConstraints, is_joined: Bools1d | None = None) -> TagChain:
    """Find the positions that get a tag, and where entities cannot go on.

    Tokens without subwords (white space, control characters) are passed over: an entity may go on across them, but
    neither begins nor ends there. Tokens that are blocked or in an entity are passed over too, and no entity goes on
    across them. Joined tokens belong to the position before, up to the first that an entity cannot go on to.

        tokens     0  1  2  3  4  5  6  7
        lengths    1  2  0  1  1  1  1  0   token 2 is white space
        is_joined                        x
        present                x            token 4 is in an entity already
        cuts                         x      a sentence begins at token 6
        tokens     0  1     3     5  6
        ends       1  2     4     6  8
        begins     x              x  x
        behind                    x

    lengths: rows of each token. *Shape:* `(n_tokens,)`
    found: in which no entity can be.
    is_joined: see `alignment.Alignment`; None if no token is. *Shape:* `(n_tokens,)`
    """
    tokens, rows = first_subword_rows(lengths)
    joined = np.flatnonzero(is_joined) if is_joined is not None else np.zeros(0, dtype=np.int64)
    owner = np.searchsorted(tokens, joined) - 1  # the position that each belongs to
    ends = tokens + 1
    ends[owner] = joined + 1  # of several the last
    taken = found.blocked | found.occupied
    # Taken tokens count as sections of their own, so that what is before and after them differs.
    section, sentence = np.cumsum(found.boundary | taken), np.cumsum(found.boundary)
    behind = np.zeros(len(tokens), dtype=bool)
    lasts = ends[:-1] - 1
    behind[1:] = found.occupied[lasts] & (sentence[tokens[1:]] == sentence[lasts])
    barred = section[joined] != section[tokens[owner]]
    ends[owner[barred][::-1]] = joined[barred][::-1]  # of several the first
    free = ~taken[tokens]
    tokens, ends, rows, behind = tokens[free], ends[free], rows[free], behind[free]
    begins = np.ones(len(tokens), dtype=bool)
    begins[1:] = section[tokens[1:]] != section[tokens[:-1]]
    return TagChain(tokens, ends, rows, begins, behind)


def subword_chain(lengths: Ints1d, found: EntityConstraints, is_joined: Bools1d, row_ends: Ints1d) -> TagChain:
    """Find the subwords that get a tag, each of them a position of its own; see `token_chain`.

    lengths, found, is_joined: see `token_chain`.
    row_ends: one past the last token of which each row's subword covers a character. *Shape:* `(n_rows,)`
    """
    positions = token_chain(lengths, found, is_joined)
    section = np.cumsum(found.boundary | found.blocked | found.occupied)
    stops = np.searchsorted(section, section[positions.token_indices], side="right")  # where no entity can go on
    n_rows = lengths[positions.token_indices]
    nth = np.repeat(np.arange(len(n_rows)), n_rows)
    inside = np.arange(len(nth)) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows)  # 0 for the first of a position
    tokens, rows = positions.token_indices[nth], positions.first_rows[nth] + inside
    ends = np.minimum(np.maximum(row_ends[rows], tokens + 1), stops[nth])
    is_first = inside == 0
    return TagChain(tokens, ends, rows, positions.is_start[nth] & is_first, positions.follows_entity[nth] & is_first)


def mask_forbidden_starts(logits: Floats2d, chain: TagChain, tags: TagSet) -> Floats2d:
    """Rule out what cannot be legal behind the entities that are there already.

    Where `I-` begins an entity behind `O` alone, it begins none directly behind another entity, whoever found that.

    logits: one row a token. *Shape:* `(n_tokens, n_tags)`
    RETURNS: the same shape; the logits of what is ruled out are so far below the highest that they do not count.
    """
    barred = chain.follows_entity[:, None] & tags.needs_outside
    return np.where(barred, logits.max(axis=1, keepdims=True) - _FAR, logits) if barred.any() else logits


def decode_tags(logits: Floats2d, begins: Bools1d, tags: TagSet, *, decoding: str) -> Ints1d:
    """The tag of each token.

        logits    O  B-org  I-per  I-org     the highest of each token, illegal twice
        viterbi   O  B-org  I-org  I-org     the legal sequence with the highest sum of logits: one entity
        greedy    O  B-org  I-per  I-org     as it is; `TagSet.entities` will read three entities

    The sequence of the highest logits is taken where it is legal, since no other can then have a higher sum. Only the
    few sequences that are not are searched; see `lattice.viterbi`.

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
    path[broken] = viterbi(logits[broken], begins[broken], tags)
    return path
