"""Use character offsets to align spaCy tokens with subwords from the checkpoint's tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, cast

import numpy as np
from thinc.api import Ragged

from ..types import Bools1d, Encoding, Ints1d, Ints2d, TagLogits

NO_MARKERS = np.zeros(0, dtype=np.int64)


class Alignment(NamedTuple):
    """An alignment of tokens with subwords. Each subword belongs to at most one token.

    subwords (Ints1d): indices of the subwords, grouped by token in token order. *Shape:* `(n_rows,)`
    lengths (Ints1d): number of subwords in each token. *Shape:* `(n_tokens,)`
    is_joined (Bools1d): mask of the tokens in which no subword starts. The subword that covers the first character of
        such a token starts in an earlier token. Both tokens count as one position in decoding, scores and the loss.
        *Shape:* `(n_tokens,)`
    """

    subwords: Ints1d
    lengths: Ints1d
    is_joined: Bools1d


class SubwordLogits(Ragged):
    """The tag logits of a Doc's subwords, grouped by token.

    data (TagLogits): logits of each subword. *Shape:* `(n_rows, n_tags)`
    lengths (Ints1d): number of rows for each token. *Shape:* `(n_tokens,)`
    is_joined (Bools1d): mask of joined tokens; see `Alignment`. *Shape:* `(n_tokens,)`
    offsets (Ints2d): start and end character of each row's subword in the Doc. *Shape:* `(n_rows, 2)`
    """

    is_joined: Bools1d
    offsets: Ints2d

    def __init__(self, data: TagLogits, lengths: Any, is_joined: Bools1d, offsets: Ints2d) -> None:
        super().__init__(cast(Any, data), lengths)
        self.is_joined = is_joined
        self.offsets = offsets


def joined_tokens(output: Ragged) -> Bools1d:
    """Return a mask of the tokens that share a subword with an earlier token.

    output (Ragged): model output for one Doc.
    RETURNS (Bools1d): mask of joined tokens. All values are False unless the output is `SubwordLogits`.
        *Shape:* `(n_tokens,)`
    """
    if isinstance(output, SubwordLogits):
        return output.is_joined
    return np.zeros(len(cast(Any, output.lengths)), dtype=bool)


def align_tokens_to_subwords(
    tokens: Ints2d, is_space: Ints1d, subwords: Ints2d, n_characters: int, markers: Ints1d = NO_MARKERS
) -> Alignment:
    """Use character offsets to find the subwords that belong to each token.

    A subword belongs to the token that contains its first visible character. A whitespace token has no subwords. If no
    subword starts in a token, the token is joined with the token whose subword covers its first character.

        text       I  ' m   U . N . - l e d   1 0 k m
        tokens     0  1---  2--------------   3-- 4--     from spaCy
        subwords   0  1 2   3 4 5 6 7 8----   9------     from the checkpoint: I ' m U . N . - led 10km

        result:
        subwords   0  1 2   3 4 5 6 7 8       9
        lengths    1  2     6                 1   0
        is_joined  0  0     0                 0   1

    If a space marker (`▁`, `Ġ`) is a separate subword, it belongs to the token in which the next subword starts. Both
    subwords have the same `word_ids` in transformers, so a head that was trained on words has learned to predict the
    word's tag at the marker.

    tokens (Ints2d): start and end character of each token. *Shape:* `(n_tokens, 2)`
    is_space (Ints1d): mask of whitespace tokens. *Shape:* `(n_tokens,)`
    subwords (Ints2d): start and end character of each subword, in text order. *Shape:* `(n_subwords, 2)`
    n_characters (int): length of the text in characters.
    markers (Ints1d): indices of separate space markers; see `Encoding.markers`. Default: none. *Shape:* `(n_markers,)`
    RETURNS (Alignment): the subwords of each token.
    """
    n_tokens = len(tokens)
    is_joined = np.zeros(n_tokens, dtype=bool)
    visible = np.flatnonzero(~is_space.astype(bool) & (tokens[:, 1] > tokens[:, 0])) if n_tokens else np.zeros(0, int)
    if not len(visible) or not len(subwords):
        return Alignment(np.zeros(0, dtype=np.int64), np.zeros(n_tokens, dtype=np.int64), is_joined)

    # For each character, find the visible token that contains it, or otherwise the next visible token.
    nth = np.searchsorted(tokens[visible, 1], np.arange(n_characters + 1), side="right")
    token_at = np.append(visible, n_tokens)[nth]  # `n_tokens` means that no token follows
    first_character = np.append(tokens[:, 0], n_characters)[token_at]
    first_character = np.maximum(first_character, np.arange(n_characters + 1))

    starts, ends = subwords[:, 0], subwords[:, 1]
    token_of = token_at[starts]
    has_token = first_character[starts] < ends  # False if the subword only contains whitespace
    has_token[markers] |= has_token[markers + 1] & (token_of[markers + 1] == token_of[markers])
    index = np.flatnonzero(has_token)
    token_of = token_of[index]

    without_subwords = visible[~np.isin(visible, token_of)]
    covering = np.searchsorted(starts, tokens[without_subwords, 0], side="right") - 1
    is_joined[without_subwords[(covering >= 0) & (ends[covering] > tokens[without_subwords, 0])]] = True

    order = np.argsort(token_of, kind="stable")
    return Alignment(index[order], np.bincount(token_of, minlength=n_tokens).astype(np.int64), is_joined)


def first_subword_rows(lengths: Ints1d) -> tuple[Ints1d, Ints1d]:
    """Find the tokens that have subwords, and find the first subword row of each of these tokens.

        lengths  1 2 0 1   →   tokens 0 1 3,  rows 0 1 3

    lengths (Ints1d): number of rows for each token. *Shape:* `(n_tokens,)`
    RETURNS (tuple[Ints1d, Ints1d]): token indices and row indices. *Shape:* `(n_tokens_with_subwords,)` each
    """
    tokens = np.flatnonzero(lengths)
    return tokens, (np.cumsum(lengths) - lengths)[tokens]


def split_logits(
    rows: TagLogits,
    alignment: Alignment,
    encodings: Sequence[Encoding],
    n_tokens: Sequence[int],
    as_array: Callable[[Ints1d], Any],
) -> list[Ragged]:
    """Split the logits for a batch by Doc.

    rows (TagLogits): logits of the subwords, in the order of `alignment`. *Shape:* `(n_rows, n_tags)`
    alignment (Alignment): alignment for all Docs, as if their texts were concatenated.
    encodings (Sequence[Encoding]): encoding of each Doc.
    n_tokens (Sequence[int]): number of tokens in each Doc.
    as_array (Callable): function that copies an array to the device that contains `rows`, such as a GPU.
    RETURNS (list[Ragged]): `SubwordLogits` for each Doc.
    """
    offsets = np.concatenate([np.zeros((0, 2), dtype=np.int64), *(e.offsets for e in encodings)])[alignment.subwords]
    lengths, token_edges = as_array(alignment.lengths), np.cumsum([0, *n_tokens])
    row_edges = np.append(0, np.cumsum(alignment.lengths))[token_edges].tolist()
    return [
        SubwordLogits(rows[start:end], lengths[first:last], alignment.is_joined[first:last], offsets[start:end])
        for (first, last), (start, end) in zip(pairwise(token_edges.tolist()), pairwise(row_edges), strict=True)
    ]
