"""Decode tag logits: arrange tokens in chains and find the tag of each token."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..tokenization.alignment import first_subword_rows
from ..types import Bools1d, EntityConstraints, Ints1d, TagLogits
from .block_scan import viterbi
from .tag_scheme import TagSet

DECODINGS = ("viterbi", "greedy")

_MASK_MARGIN = 1000.0
"""Difference between the highest logit of a token and its masked logits."""


class TagChain(NamedTuple):
    """The positions in a Doc that get a tag, arranged in independent sequences.

    A position is a token together with the tokens joined to it; see `alignment.Alignment`. If every subword gets a tag,
    each subword is a position.

    token_indices: index of the first token of each position. *Shape:* `(n,)`
    ends: index after the last token of each position. *Shape:* `(n,)`
    first_rows: row of the logits for each position. *Shape:* `(n,)`
    is_start: whether each position is the first in a sequence. *Shape:* `(n,)`
    follows_entity: whether each position directly follows a token that is already in an entity. *Shape:* `(n,)`
    """

    token_indices: Ints1d
    ends: Ints1d
    first_rows: Ints1d
    is_start: Bools1d
    follows_entity: Bools1d


def token_chain(lengths: Ints1d, constraints: EntityConstraints, is_joined: Bools1d | None = None) -> TagChain:
    """Find the positions that get a tag, and split them into sequences whose boundaries no entity crosses.

    Tokens without subwords, such as white space and control characters, are skipped. An entity may continue across
    them, but may not start or end there. Tokens that are blocked or already in an entity are also skipped, and no
    entity continues across them. Joined tokens belong to the preceding position, up to the first joined token to which
    no entity can continue.

        token           0  1  2  3  4  5  6  7
        lengths         1  2  0  1  1  1  1  0   token 2 is white space
        is_joined                            x   token 7 is joined to token 6
        occupied                    x            token 4 is already in an entity
        boundary                          x      a sentence starts at token 6

        result:
        token_indices   0  1     3     5  6
        ends            1  2     4     6  8
        is_start        x              x  x
        follows_entity                 x

    lengths: number of rows for each token. *Shape:* `(n_tokens,)`
    constraints (EntityConstraints): tokens that cannot be in a predicted entity, and boundaries that no entity may
        cross.
    is_joined: see `alignment.Alignment`; None if no token is joined. *Shape:* `(n_tokens,)`
    RETURNS (TagChain): the positions.
    """
    tokens, rows = first_subword_rows(lengths)
    joined = np.flatnonzero(is_joined) if is_joined is not None else np.zeros(0, dtype=np.int64)
    position_of_joined = np.searchsorted(tokens, joined) - 1
    ends = tokens + 1
    ends[position_of_joined] = joined + 1  # of several joined tokens, the last one sets the end
    skipped = constraints.blocked | constraints.occupied
    # Each skipped token starts a new section, so the tokens before and after it have different section numbers.
    section, sentence = np.cumsum(constraints.boundary | skipped), np.cumsum(constraints.boundary)
    follows_entity = np.zeros(len(tokens), dtype=bool)
    lasts = ends[:-1] - 1
    follows_entity[1:] = constraints.occupied[lasts] & (sentence[tokens[1:]] == sentence[lasts])
    in_other_section = section[joined] != section[tokens[position_of_joined]]
    # The order is reversed so that, of several joined tokens, the first one sets the end.
    ends[position_of_joined[in_other_section][::-1]] = joined[in_other_section][::-1]
    is_free = ~skipped[tokens]
    tokens, ends, rows, follows_entity = tokens[is_free], ends[is_free], rows[is_free], follows_entity[is_free]
    is_start = np.ones(len(tokens), dtype=bool)
    is_start[1:] = section[tokens[1:]] != section[tokens[:-1]]
    return TagChain(tokens, ends, rows, is_start, follows_entity)


def subword_chain(lengths: Ints1d, constraints: EntityConstraints, is_joined: Bools1d, row_ends: Ints1d) -> TagChain:
    """Find the subwords that get a tag. Each subword is a separate position; see `token_chain`.

    lengths, constraints, is_joined: see `token_chain`.
    row_ends: index after the last token that each row's subword overlaps. *Shape:* `(n_rows,)`
    RETURNS (TagChain): the positions.
    """
    positions = token_chain(lengths, constraints, is_joined)
    section = np.cumsum(constraints.boundary | constraints.blocked | constraints.occupied)
    section_ends = np.searchsorted(section, section[positions.token_indices], side="right")
    n_rows = lengths[positions.token_indices]
    position = np.repeat(np.arange(len(n_rows)), n_rows)
    offset = np.arange(len(position)) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows)  # 0 for the first subword
    tokens, rows = positions.token_indices[position], positions.first_rows[position] + offset
    ends = np.minimum(np.maximum(row_ends[rows], tokens + 1), section_ends[position])
    is_first = offset == 0
    is_start, follows_entity = positions.is_start[position] & is_first, positions.follows_entity[position] & is_first
    return TagChain(tokens, ends, rows, is_start, follows_entity)


def mask_forbidden_starts(logits: TagLogits, chain: TagChain, tags: TagSet) -> TagLogits:
    """Mask the logits of tags that are illegal directly after an existing entity.

    If a scheme allows `I-` to start an entity only after `O`, `I-` is illegal directly after any other entity. This
    includes entities from other components.

    logits: tag logits, one row per position. *Shape:* `(n, n_tags)`
    chain (TagChain): the positions.
    tags (TagSet): the tags of the logit columns and their rules.
    RETURNS: the logits. Masked logits are too far below the highest logit to have any effect. *Shape:* `(n, n_tags)`
    """
    is_masked = chain.follows_entity[:, None] & tags.needs_outside
    if not is_masked.any():
        return logits
    return np.where(is_masked, logits.max(axis=1, keepdims=True) - _MASK_MARGIN, logits)


def decode_tags(logits: TagLogits, is_start: Bools1d, tags: TagSet, *, decoding: str) -> Ints1d:
    """Find the tag of each token.

        logits    O  B-org  I-per  I-org     tags with the highest logits, with two illegal transitions
        viterbi   O  B-org  I-org  I-org     legal sequence with the highest sum of logits, which has one entity
        greedy    O  B-org  I-per  I-org     unchanged sequence, in which `TagSet.entities` finds three entities

    If the tags with the highest logits form a legal sequence, no other sequence has a higher sum. Viterbi decoding
    therefore only searches for replacements of illegal sequences, which are rare; see `block_scan.viterbi`.

    logits: tag logits, one row per token. *Shape:* `(n_tokens, n_tags)`
    is_start: whether each token is the first of a sequence. *Shape:* `(n_tokens,)`
    tags (TagSet): the tags of the logit columns and their rules.
    decoding (str): "viterbi" or "greedy".
    RETURNS: tag IDs. *Shape:* `(n_tokens,)`
    """
    path: Ints1d = logits.argmax(axis=1)
    if decoding == "greedy" or not len(path):
        return path
    previous = np.concatenate([path[:1], path[:-1]])
    is_legal = np.where(is_start, tags.may_begin[path], tags.may_follow[previous, path])
    is_end = np.append(is_start[1:], True)
    is_legal &= ~is_end | tags.may_end[path]
    sequence = np.cumsum(is_start) - 1
    in_illegal_sequence = np.bincount(sequence, weights=~is_legal)[sequence] > 0
    path[in_illegal_sequence] = viterbi(logits[in_illegal_sequence], is_start[in_illegal_sequence], tags)
    return path
