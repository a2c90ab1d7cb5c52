"""Subwords that stand for no text of their own: those around a text, and markers of spaces."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from ..errors import Errors
from ..types import Ints1d

SPACE_MARKERS = ("▁", "Ġ")
"""Stand for a space in the subwords of SentencePiece and of byte-level BPE."""


def special_subwords(backend: Any) -> tuple[list[int], list[int]]:
    """Find the special subwords that the tokenizer's post-processor puts around a text, such as `[CLS]` and `[SEP]`.

    backend (tokenizers.Tokenizer): the tokenizer.
    RETURNS: ids of those before the text, and of those after it.
    RAISES ValueError: no text gives a subword.
    """
    # Some tokenizers know no Latin letter, so every text of the vocabulary may have to be tried.
    for text in chain(["a"], backend.get_vocab()):
        encoding = backend.encode(text, add_special_tokens=True)
        ours = np.flatnonzero(np.array(encoding.special_tokens_mask) == 0)
        if len(ours):
            return encoding.ids[: ours[0]], encoding.ids[ours[-1] + 1 :]
    raise ValueError(Errors.no_subwords)


def space_markers(backend: Any) -> list[int]:
    """The ids of the subwords that are a space marker alone.

    backend (tokenizers.Tokenizer): the tokenizer.
    """
    found = map(backend.token_to_id, SPACE_MARKERS)
    return [marker for marker in found if marker is not None]


def lone_markers(ids: Ints1d, encoding: Any, markers: Sequence[int]) -> Ints1d:
    """Find the space markers that are a subword of their own; see `Encoding.markers`.

    markers: the ids of such subwords.
    """
    found = np.flatnonzero(np.isin(ids[:-1], markers)) if markers else np.zeros(0, dtype=np.int64)
    if not len(found):
        return found
    words = encoding.word_ids
    return np.array([i for i in found.tolist() if words[i] is not None and words[i] == words[i + 1]], dtype=np.int64)
