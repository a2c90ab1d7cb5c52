"""Masked cross-entropy: its value and its gradient."""

from __future__ import annotations

from thinc.api import get_array_module

from .tags import UNKNOWN
from .types import Array, Floats2d


class MeanLoss(float):
    """A mean over `n_rows` rows, which stays a mean when more is added.

    `spacy train` adds up what a component reports between two evaluations. Adding two of these gives the mean over
    the rows of both, so that the printed loss is a cross-entropy in nats, whatever the number of batches.
    """

    n_rows: int

    def __new__(cls, value: float = 0.0, n_rows: int = 0) -> MeanLoss:
        loss = super().__new__(cls, value)
        loss.n_rows = n_rows
        return loss

    def __add__(self, other: float) -> MeanLoss:
        if not isinstance(other, MeanLoss):
            return MeanLoss(float(self) + other, self.n_rows)
        n_rows = self.n_rows + other.n_rows
        total = float(self) * self.n_rows + float(other) * other.n_rows
        return MeanLoss(total / n_rows if n_rows else 0.0, n_rows)

    __radd__ = __add__

    def __reduce__(self) -> tuple[type[MeanLoss], tuple[float, int]]:
        return MeanLoss, (float(self), self.n_rows)


def cross_entropy(logits: Floats2d, tag_ids: Array) -> tuple[MeanLoss, Floats2d]:
    """Mean cross-entropy over the rows whose tag is known, as `torch.nn.CrossEntropyLoss(ignore_index=-1)`.

    logits: *Shape:* `(n_rows, n_tags)`
    tag_ids: the gold tag of each row, -1 where unknown. *Shape:* `(n_rows,)`
    RETURNS: the loss in nats, and its gradient with respect to the logits. *Shape:* `(n_rows, n_tags)`
    """
    xp = get_array_module(logits)
    known = xp.flatnonzero(tag_ids != UNKNOWN)
    gradient = xp.zeros_like(logits)
    if not len(known):
        return MeanLoss(), gradient
    rows = logits[known]
    rows = rows - rows.max(axis=1, keepdims=True)
    log_probabilities = rows - xp.log(xp.exp(rows).sum(axis=1, keepdims=True))
    gold = (xp.arange(len(known)), tag_ids[known])
    loss = -float(log_probabilities[gold].mean(dtype="float64"))
    difference = xp.exp(log_probabilities)
    difference[gold] -= 1.0
    gradient[known] = difference / len(known)
    return MeanLoss(loss, len(known)), gradient
