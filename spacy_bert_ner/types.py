"""Shared aliases. Shapes: `n_tokens` spaCy tokens, `n_subwords` subwords, `n_tags` tags of the head."""

from __future__ import annotations

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
Array = Any
"""NumPy or CuPy array, for code that runs on both."""


class Entity(NamedTuple):
    """A labelled run of tokens: `label`, first token `start`, one past the last token `end`."""

    label: str
    start: int
    end: int


class Prediction(NamedTuple):
    """An entity that was found, and its probability; None where no scores are asked for."""

    label: str
    start: int
    end: int
    score: float | None


class Encoding(NamedTuple):
    """What the checkpoint's tokenizer made of one text.

    ids: subword ids, without special subwords. *Shape:* `(n_subwords,)`
    offsets: first character, one past the last character. *Shape:* `(n_subwords, 2)`
    """

    ids: Ints1d
    offsets: Ints2d
