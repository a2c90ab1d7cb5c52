"""Character offsets to indices: which subwords belong to which spaCy token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, cast

import numpy as np
from thinc.api import Ragged

from ..types import Bools1d, Encoding, Floats2d, Ints1d, Ints2d

NO_MARKERS = np.zeros(0, dtype=np.int64)


class Alignment(NamedTuple):
    """The subwords of every token, one token after the other. Each subword belongs to one token at most.

    subwords: indices of the subwords, grouped by token. *Shape:* `(n_rows,)`
    lengths: number of subwords of each token. *Shape:* `(n_tokens,)`
    is_joined: whether a token has no subword of its own, and shares the one that covers its first character with an
        earlier token. Both are one position for decoding, scores and the loss. *Shape:* `(n_tokens,)`
    """

    subwords: Ints1d
    lengths: Ints1d
    is_joined: Bools1d


class SubwordLogits(Ragged):
    """The tag logits of a Doc's subwords, grouped by token.

    data: *Shape:* `(n_rows, n_tags)`
    lengths: number of rows of each token. *Shape:* `(n_tokens,)`
    is_joined: see `Alignment`. *Shape:* `(n_tokens,)`
    offsets: first character of the Doc, and one past the last, of each row's subword. *Shape:* `(n_rows, 2)`
    """

    is_joined: Bools1d
    offsets: Ints2d

    def __init__(self, data: Floats2d, lengths: Any, is_joined: Bools1d, offsets: Ints2d) -> None:
        super().__init__(cast(Any, data), lengths)
        self.is_joined = is_joined
        self.offsets = offsets


def joined_tokens(output: Ragged) -> Bools1d:
    """Which tokens of a Doc share the subword of an earlier token; none of them where each token has a vector.

    output: of the model for the Doc.
    RETURNS: *Shape:* `(n_tokens,)`
    """
    if isinstance(output, SubwordLogits):
        return output.is_joined
    return np.zeros(len(cast(Any, output.lengths)), dtype=bool)


def align_tokens_to_subwords(
    tokens: Ints2d, is_space: Ints1d, subwords: Ints2d, n_characters: int, markers: Ints1d = NO_MARKERS
) -> Alignment:
    """Find the subwords of every token by character offsets.

    A subword belongs to the token in which its first visible character lies. A token of white space has none. A token
    in which no subword begins is joined to the token whose subword covers its first character.

        text      I  ' m   U . N . - l e d   1 0 k m
        tokens    0  1---  2--------------   3-- 4--     spaCy's
        subwords  0  1 2   3 4 5 6 7 8----   9------     the checkpoint's: I ' m U . N . - led 10km
        found     0  1 2   3 4 5 6 7 8       9
        lengths   1  2     6                 1   0
        is_joined 0  0     0                 0   1

    A space marker (`▁`, `Ġ`) that is a subword of its own belongs to the token that the next subword begins. For
    transformers both have the same `word_ids`, so that a head trained on words has learned their tag at the marker.

    tokens: first character and one past the last of each token. *Shape:* `(n_tokens, 2)`
    is_space: whether a token is white space. *Shape:* `(n_tokens,)`
    subwords: the same offsets of each subword, in the order of the text. *Shape:* `(n_subwords, 2)`
    n_characters: length of the text.
    markers: indices of those space markers, see `Encoding.markers`. *Shape:* `(n_markers,)`
    """
    n_tokens = len(tokens)
    is_joined = np.zeros(n_tokens, dtype=bool)
    visible = np.flatnonzero(~is_space.astype(bool) & (tokens[:, 1] > tokens[:, 0])) if n_tokens else np.zeros(0, int)
    if not len(visible) or not len(subwords):
        return Alignment(np.zeros(0, dtype=np.int64), np.zeros(n_tokens, dtype=np.int64), is_joined)

    # The visible token that holds each character, or the next one to the right of it.
    nth = np.searchsorted(tokens[visible, 1], np.arange(n_characters + 1), side="right")
    owner = np.append(visible, n_tokens)[nth]  # n_tokens: no token follows
    first_character = np.append(tokens[:, 0], n_characters)[owner]
    first_character = np.maximum(first_character, np.arange(n_characters + 1))

    begins, ends = subwords[:, 0], subwords[:, 1]
    token_of = owner[begins]
    is_owned = first_character[begins] < ends  # else it holds white space alone
    is_owned[markers] |= is_owned[markers + 1] & (token_of[markers + 1] == token_of[markers])
    index = np.flatnonzero(is_owned)
    token_of = token_of[index]

    orphans = visible[~np.isin(visible, token_of)]
    covering = np.searchsorted(begins, tokens[orphans, 0], side="right") - 1
    is_joined[orphans[(covering >= 0) & (ends[covering] > tokens[orphans, 0])]] = True

    order = np.argsort(token_of, kind="stable")
    return Alignment(index[order], np.bincount(token_of, minlength=n_tokens).astype(np.int64), is_joined)


def first_subword_rows(lengths: Ints1d) -> tuple[Ints1d, Ints1d]:
    """The tokens that have subwords, and the row of the first subword of each.

        lengths  1 2 0 1   →   tokens 0 1 3,  rows 0 1 3

    lengths: rows of each token. *Shape:* `(n_tokens,)`
    """
    tokens = np.flatnonzero(lengths)
    return tokens, (np.cumsum(lengths) - lengths)[tokens]


def split_logits(
    rows: Floats2d,
    alignment: Alignment,
    encodings: Sequence[Encoding],
    n_tokens: Sequence[int],
    as_array: Callable[[Ints1d], Any],
) -> list[Ragged]:
    """Split the logits of a batch of Docs.

    rows: logits of the subwords, in the order of `alignment`. *Shape:* `(n_rows, n_tags)`
    alignment: of all Docs, as if their texts were one.
    encodings: of each Doc.
    n_tokens: of each Doc.
    as_array: puts an array beside `rows`, which may lie on a GPU.
    RETURNS: the `SubwordLogits` of each Doc.
    """
    offsets = np.concatenate([np.zeros((0, 2), dtype=np.int64), *(e.offsets for e in encodings)])[alignment.subwords]
    lengths, edges = as_array(alignment.lengths), np.cumsum([0, *n_tokens])
    row_edges = np.append(0, np.cumsum(alignment.lengths))[edges].tolist()
    return [
        SubwordLogits(rows[start:end], lengths[first:last], alignment.is_joined[first:last], offsets[start:end])
        for (first, last), (start, end) in zip(pairwise(edges.tolist()), pairwise(row_edges), strict=True)
    ]
