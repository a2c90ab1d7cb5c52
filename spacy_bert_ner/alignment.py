"""Character offsets to indices: which subwords belong to which spaCy token. NumPy alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .types import Ints1d, Ints2d


class Alignment(NamedTuple):
    """The subwords of every token, one token after the other.

    subwords: their numbers, grouped by token. *Shape:* `(n_rows,)`
    lengths: how many of them each token has. *Shape:* `(n_tokens,)`
    """

    subwords: Ints1d
    lengths: Ints1d


def align(tokens: Ints2d, is_space: Ints1d, subwords: Ints2d, n_characters: int) -> Alignment:
    """Find the subwords of every token by character offsets.

    A subword belongs to the token in which its first visible character lies. A token in which none begins borrows the
    subword that covers its first character, so that every token with text has a row. A token of white space has none.

        text      I  ' m   U . N . - l e d
        tokens    0  1---  2--------------       spaCy's
        subwords  0  1 2   3 4 5 6 7 8----       the checkpoint's: I ' m U . N . - led
        found     0  1 2   3 4 5 6 7 8
        lengths   1  2     6

    tokens: first character and one past the last of each token. *Shape:* `(n_tokens, 2)`
    is_space: whether a token is white space. *Shape:* `(n_tokens,)`
    subwords: the same offsets of each subword, in the order of the text. *Shape:* `(n_subwords, 2)`
    n_characters: length of the text.
    """
    n_tokens = len(tokens)
    visible = np.flatnonzero(~is_space.astype(bool) & (tokens[:, 1] > tokens[:, 0])) if n_tokens else np.zeros(0, int)
    if not len(visible) or not len(subwords):
        return Alignment(np.zeros(0, dtype=np.int64), np.zeros(n_tokens, dtype=np.int64))

    # The visible token that holds each character, or the next one to the right of it.
    nth = np.searchsorted(tokens[visible, 1], np.arange(n_characters + 1), side="right")
    owner = np.append(visible, n_tokens)[nth]  # n_tokens: no token follows
    first_character = np.append(tokens[:, 0], n_characters)[owner]
    first_character = np.maximum(first_character, np.arange(n_characters + 1))

    begins, ends = subwords[:, 0], subwords[:, 1]
    owned = np.flatnonzero(first_character[begins] < ends)  # else it holds white space alone
    token_of = owner[begins[owned]]

    orphans = visible[~np.isin(visible, token_of)]
    covering = np.searchsorted(begins, tokens[orphans, 0], side="right") - 1
    covered = (covering >= 0) & (ends[covering] > tokens[orphans, 0])
    token_of = np.concatenate([token_of, orphans[covered]])
    index = np.concatenate([owned, covering[covered]])

    order = np.argsort(token_of, kind="stable")
    return Alignment(index[order], np.bincount(token_of, minlength=n_tokens).astype(np.int64))


def first_rows(lengths: Ints1d) -> tuple[Ints1d, Ints1d]:
    """The tokens that have subwords, and the row of the first subword of each.

        lengths  1 2 0 1   →   tokens 0 1 3,  rows 0 1 3

    lengths: rows of each token. *Shape:* `(n_tokens,)`
    """
    tokens = np.flatnonzero(lengths)
    return tokens, (np.cumsum(lengths) - lengths)[tokens]
