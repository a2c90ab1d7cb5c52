"""Masked cross-entropy, and divergence from an older model: values and gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from thinc.api import Ragged, get_array_module

from .alignment import first_rows
from .tags import UNKNOWN
from .types import Array, Floats2d, Ints1d


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


def tag_loss(output: Sequence[Ragged], targets: Sequence[Ints1d]) -> tuple[MeanLoss, list[Ragged]]:
    """Mean cross-entropy over the subwords that carry a known tag.

    output: the model's, one part a Doc.
    targets: the tag id of each row of each Doc, -1 where unknown. *Shape:* `(n_rows,)` each
    RETURNS: the loss in nats, and its gradient in the shape of `output`.
    """
    if not output:
        return MeanLoss(), []
    logits = _rows(output)
    xp = get_array_module(logits)
    loss, gradient = cross_entropy(logits, xp.asarray(np.concatenate(targets)))
    return loss, _cut(gradient, output)


def rehearsal_loss(output: Sequence[Ragged], old: Sequence[Ragged]) -> tuple[MeanLoss, list[Ragged]]:
    """Mean divergence from what an older model says of the first subword of each token; see `distillation`.

    output, old: of the two models for the same Docs.
    RETURNS: the loss in nats, and its gradient in the shape of `output`.
    """
    logits, teacher = _rows(output), _rows(old)
    xp = get_array_module(logits)
    lengths = xp.concatenate([part.lengths for part in output])
    first = xp.asarray(first_rows(lengths if xp is np else lengths.get())[1])
    gradient = xp.zeros_like(logits)
    loss, gradient[first] = distillation(logits[first], teacher[first])
    return loss, _cut(gradient, output)


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
    log_probabilities = _log_softmax(xp, logits[known])
    gold = (xp.arange(len(known)), tag_ids[known])
    loss = -float(log_probabilities[gold].mean(dtype="float64"))
    difference = xp.exp(log_probabilities)
    difference[gold] -= 1.0
    gradient[known] = difference / len(known)
    return MeanLoss(loss, len(known)), gradient


def distillation(logits: Floats2d, teacher: Floats2d) -> tuple[MeanLoss, Floats2d]:
    """Mean divergence of a model's distribution over tags from that of an older one, as knowledge distillation
    (Hinton et al. 2015, https://arxiv.org/abs/1503.02531) at temperature 1.

    Tags that the older model does not know, which come last, are left out of both distributions.

    logits: *Shape:* `(n_rows, n_tags)`
    teacher: logits of the older model for the same rows. *Shape:* `(n_rows, n_old_tags)`
    RETURNS: the Kullback-Leibler divergence in nats, 0 where the two agree, and its gradient with respect to `logits`.
        *Shape:* `(n_rows, n_tags)`
    """
    xp = get_array_module(logits)
    gradient = xp.zeros_like(logits)
    if not len(logits):
        return MeanLoss(), gradient
    n_old = teacher.shape[1]
    old, new = (_log_softmax(xp, rows) for rows in (teacher, logits[:, :n_old]))
    loss = float((xp.exp(old) * (old - new)).sum(axis=1).mean(dtype="float64"))
    gradient[:, :n_old] = (xp.exp(new) - xp.exp(old)) / len(logits)
    return MeanLoss(loss, len(logits)), gradient


def _log_softmax(xp: Any, rows: Floats2d) -> Floats2d:
    rows = rows - rows.max(axis=1, keepdims=True)
    log_probabilities: Floats2d = rows - xp.log(xp.exp(rows).sum(axis=1, keepdims=True))
    return log_probabilities


def _rows(output: Sequence[Ragged]) -> Floats2d:
    parts = [part.dataXd for part in output]
    rows: Floats2d = get_array_module(parts[0]).concatenate(parts)
    return rows


def _cut(rows: Floats2d, output: Sequence[Ragged]) -> list[Ragged]:
    """The rows of all Docs in the shape of the model's output."""
    cuts = np.cumsum([len(part.dataXd) for part in output])[:-1].tolist()
    parts = get_array_module(rows).split(rows, cuts)
    return [Ragged(part, other.lengths) for part, other in zip(parts, output, strict=True)]
