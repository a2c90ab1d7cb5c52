"""Define the types that all subpackages share.

In shapes, `n_tokens` is the number of spaCy tokens, `n_subwords` is the number of subwords, and `n_tags` is the number
of tags in the head.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints1d = NDArray[np.int64]
"""An integer vector. *Shape:* `(n,)`"""
Ints2d = NDArray[np.int64]
"""An integer matrix. *Shape:* `(n, m)`"""
Doubles1d = NDArray[np.float64]
"""A vector of double-precision floats, such as probabilities. *Shape:* `(n,)`"""
DoublesXd = NDArray[np.float64]
"""An array of double-precision floats. The docstring of each use states its shape."""
TagLogits = NDArray[np.float32]
"""Tag logits with one row per position, from NumPy on a CPU or CuPy on a GPU. *Shape:* `(n, n_tags)`"""
BatchLogits = NDArray[np.float32]
"""Tag logits for a padded batch of windows. *Shape:* `(n_windows, longest, n_tags)`"""
Bools1d = NDArray[np.bool_]
"""A Boolean vector. *Shape:* `(n,)`"""
ArrayXd = Any
"""A NumPy or CuPy array, in code that supports both."""

INCORRECT_SPANS = "incorrect_spans"
"""Key in `doc.spans` under which `convert` stores the spans that an annotator rejected."""


class Entity(NamedTuple):
    """A labelled span of tokens.

    label (str): entity label.
    start (int): index of the first token.
    end (int): index after the last token.
    """

    label: str
    start: int
    end: int


class Prediction(NamedTuple):
    """A predicted entity.

    label (str): entity label.
    start (int): index of the first token.
    end (int): index after the last token.
    score (float | None): probability of the entity, from 0 to 1. None if scores are turned off.
    offsets (tuple[int, int] | None): start and end character of the entity's subwords in the Doc. None means the
        offsets of its tokens. Default: None.
    """

    label: str
    start: int
    end: int
    score: float | None
    offsets: tuple[int, int] | None = None


class DocPredictions(list[Prediction]):
    """The predicted entities in a Doc.

    predictions (Iterable[Prediction]): the predicted entities. Default: none.
    unread (list[tuple[int, str]]): token index and label of each omitted entity. See `Settings.subword_reading`.
    n_joined (int): number of tokens that share a subword with an earlier token.
    labels (tuple[str, ...]): entity labels of the pipeline, used to assign colours. Empty if there are too many labels.
    """

    def __init__(self, predictions: Iterable[Prediction] = ()) -> None:
        super().__init__(predictions)
        self.unread: list[tuple[int, str]] = []
        self.n_joined = 0
        self.labels: tuple[str, ...] = ()


class Encoding(NamedTuple):
    """A text that the checkpoint's tokenizer has encoded.

    ids (Ints1d): subword IDs without special subwords. *Shape:* `(n_subwords,)`
    offsets (Ints2d): start and end character of each subword in the text. *Shape:* `(n_subwords, 2)`
    markers (Ints1d): indices of the subwords that consist only of a space marker (`▁`, `Ġ`). Such a subword belongs to
        the same word as the next subword. Default: none. *Shape:* `(n_markers,)`
    """

    ids: Ints1d
    offsets: Ints2d
    markers: Ints1d = np.zeros(0, dtype=np.int64)


class EntityConstraints(NamedTuple):
    """The constraints on the entities that can be predicted.

    blocked (Bools1d): mask of the tokens that cannot be in an entity. *Shape:* `(n_tokens,)`
    occupied (Bools1d): mask of the tokens that are already in an entity. *Shape:* `(n_tokens,)`
    boundary (Bools1d): mask of the tokens whose start no entity may cross. *Shape:* `(n_tokens,)`
    """

    blocked: Bools1d
    occupied: Bools1d
    boundary: Bools1d
