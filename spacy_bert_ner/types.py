"""Shared aliases. Shapes: `n_tokens` spaCy tokens, `n_subwords` subwords, `n_tags` tags of the head."""

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
"""*Shape:* `(n, n_tags)`: one row of tag logits each; NumPy on a CPU, CuPy on a GPU."""
Bools1d = NDArray[np.bool_]
"""*Shape:* `(n,)`"""
ArrayXd = Any
"""NumPy or CuPy array, for code that runs on both."""

INCORRECT_SPANS = "incorrect_spans"
"""Key in `doc.spans` of the spans that an annotator rejected, as `convert` writes them."""


class Entity(NamedTuple):
    """A labelled run of tokens: `label`, first token `start`, one past the last token `end`."""

    label: str
    start: int
    end: int


class Prediction(NamedTuple):
    """An entity that was found.

    score (float | None): its probability; None where no scores are asked for.
    offsets (tuple[int, int] | None): first character of the Doc that its subwords cover, and one past the last; None
        for those of its tokens.
    """

    label: str
    start: int
    end: int
    score: float | None
    offsets: tuple[int, int] | None = None


class DocPredictions(list[Prediction]):
    """The entities of a Doc.

    unread (list[tuple[int, str]]): the token index and the label of each entity that was not read.
    n_joined (int): number of tokens that share a subword with an earlier one.
    """

    def __init__(self, predictions: Iterable[Prediction] = ()) -> None:
        super().__init__(predictions)
        self.unread: list[tuple[int, str]] = []
        self.n_joined = 0


class Encoding(NamedTuple):
    """What the checkpoint's tokenizer made of one text.

    ids: subword ids, without special subwords. *Shape:* `(n_subwords,)`
    offsets: first character, one past the last character. *Shape:* `(n_subwords, 2)`
    markers: indices of the subwords that are a space marker (`▁`, `Ġ`) alone, and belong to the word of the next
        subword. *Shape:* `(n_markers,)`
    """

    ids: Ints1d
    offsets: Ints2d
    markers: Ints1d = np.zeros(0, dtype=np.int64)


class EntityConstraints(NamedTuple):
    """Where no entity can be. *Shape:* `(n_tokens,)` each

    blocked: tokens that are in no entity.
    present: tokens that are in an entity already.
    cuts: tokens across whose left edge no entity goes.
    """

    blocked: Bools1d
    occupied: Bools1d
    boundary: Bools1d
