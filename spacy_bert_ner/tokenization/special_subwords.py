"""Find the special subwords around a text, and find the space markers that are separate subwords."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from ..errors import Errors
from ..types import Ints1d

SPACE_MARKERS = ("▁", "Ġ")
"""Symbols that represent a space in subwords from SentencePiece and byte-level BPE."""


def special_subwords(backend: Any) -> tuple[list[int], list[int]]:
    """Return the special subwords that a tokenizer's post-processor adds around a text, such as `[CLS]` and `[SEP]`.

    backend (tokenizers.Tokenizer): tokenizer to inspect.
    RETURNS (tuple[list[int], list[int]]): IDs of the special subwords before the text, and IDs of those after it.
    RAISES ValueError: the tokenizer does not produce any subword for "a" or for the texts in its vocabulary.
    """
    # Some tokenizers do not know Latin letters. In the worst case, every text in the vocabulary is tried.
    for text in chain(["a"], backend.get_vocab()):
        encoding = backend.encode(text, add_special_tokens=True)
        in_text = np.flatnonzero(np.array(encoding.special_tokens_mask) == 0)
        if len(in_text):
            return encoding.ids[: in_text[0]], encoding.ids[in_text[-1] + 1 :]
    raise ValueError(Errors.no_subwords)


def space_markers(backend: Any) -> list[int]:
    """Return the IDs of the subwords that consist of only a space marker.

    backend (tokenizers.Tokenizer): tokenizer to inspect.
    RETURNS (list[int]): subword IDs.
    """
    marker_ids = map(backend.token_to_id, SPACE_MARKERS)
    return [marker_id for marker_id in marker_ids if marker_id is not None]


def lone_markers(ids: Ints1d, encoding: Any, markers: Sequence[int]) -> Ints1d:
    """Return the indices of space markers that are separate subwords. See `Encoding.markers`.

    ids (Ints1d): subword IDs of the text. *Shape:* `(n_subwords,)`
    encoding (tokenizers.Encoding): encoding of the text.
    markers (Sequence[int]): IDs of the subwords that consist of only a space marker.
    RETURNS (Ints1d): indices into `ids`. *Shape:* `(n_markers,)`
    """
    candidates = np.flatnonzero(np.isin(ids[:-1], markers)) if markers else np.zeros(0, dtype=np.int64)
    if not len(candidates):
        return candidates
    words = encoding.word_ids
    with_word = [i for i in candidates.tolist() if words[i] is not None and words[i] == words[i + 1]]
    return np.array(with_word, dtype=np.int64)
