"""Define the types that all packages share.

In shapes, `n_tokens` counts spaCy tokens, `n_subwords` subwords and `n_tags` tags of the head.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints1d = NDArray[np.int64]
"""*Shape:* `(n,)`"""
Ints2d = NDArray[np.int64]
"""*Shape:* `(n, m)`"""
Floats1d = NDArray[np.float64]
"""*Shape:* `(n,)`"""
Floats2d = NDArray[np.float32]
"""Tag logits, one row for each position; NumPy on a CPU, CuPy on a GPU. *Shape:* `(n, n_tags)`"""
Bools1d = NDArray[np.bool_]
"""*Shape:* `(n,)`"""
ArrayXd = Any
"""NumPy or CuPy array, for code that runs on both."""

INCORRECT_SPANS = "incorrect_spans"
"""Key in `doc.spans` under which `convert` writes the spans that an annotator rejected."""


class Entity(NamedTuple):
    """A labelled span of tokens.

    label (str): the entity type.
    start (int): index of the first token.
    end (int): index after the last token.
    """

    label: str
    start: int
    end: int


class Prediction(NamedTuple):
    """A predicted entity.

    label (str): the entity type.
    start (int): index of the first token.
    end (int): index after the last token.
    score (float | None): probability of the entity; None if scores are turned off.
    offsets (tuple[int, int] | None): start and end of its subwords, in characters of the Doc; None for the offsets of
        its tokens.
    """

    label: str
    start: int
    end: int
    score: float | None
    offsets: tuple[int, int] | None = None


class DocPredictions(list[Prediction]):
    """The predicted entities of a Doc.

    unread (list[tuple[int, str]]): token index and label of each entity that was omitted; see
        `Settings.subword_reading`.
    n_joined (int): number of tokens that share a subword with an earlier token.
    """

    def __init__(self, predictions: Iterable[Prediction] = ()) -> None:
        super().__init__(predictions)
        self.unread: list[tuple[int, str]] = []
        self.n_joined = 0


class Encoding(NamedTuple):
    """One text, encoded by the checkpoint's tokenizer.

    ids (Ints1d): subword ids, without special subwords. *Shape:* `(n_subwords,)`
    offsets (Ints2d): start and end of each subword, in characters of the text. *Shape:* `(n_subwords, 2)`
    markers (Ints1d): indices of the subwords that consist only of a space marker (`▁`, `Ġ`). Such a subword belongs to
        the word of the next subword. *Shape:* `(n_markers,)`
    """

    ids: Ints1d
    offsets: Ints2d
    markers: Ints1d = np.zeros(0, dtype=np.int64)


class EntityConstraints(NamedTuple):
    """Constraints on the entities that can be predicted.

    blocked (Bools1d): tokens that cannot be in an entity. *Shape:* `(n_tokens,)`
    occupied (Bools1d): tokens that are already in an entity. *Shape:* `(n_tokens,)`
    boundary (Bools1d): tokens whose start no entity may cross. *Shape:* `(n_tokens,)`
    """

    blocked: Bools1d
    occupied: Bools1d
    boundary: Bools1d
