"""Masked cross-entropy, weighted, focal or smoothed, and divergence from an older model: values and gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from thinc.api import Ragged, get_array_module

from ..decoding.tag_scheme import UNKNOWN
from ..tokenization.alignment import first_subword_rows
from ..types import ArrayXd, Floats2d, Ints1d


class WeightedMean(float):
    """A mean that stays one when more is added. `weight` is the number of rows in it, or the sum of their weights.

    `spacy train` adds up what a component reports between two evaluations. Adding two of these gives the mean over
    the rows of both, so that the printed loss is a cross-entropy in nats, whatever the number of batches.
    """

    weight: float

    def __new__(cls, value: float = 0.0, weight: float = 0) -> WeightedMean:
        loss = super().__new__(cls, value)
        loss.weight = weight
        return loss

    def __add__(self, other: float) -> WeightedMean:
        if not isinstance(other, WeightedMean):
            return WeightedMean(float(self) + other, self.weight)
        weight = self.weight + other.weight
        total = float(self) * self.weight + float(other) * other.weight
        return WeightedMean(total / weight if weight else 0.0, weight)

    __radd__ = __add__

    def __reduce__(self) -> tuple[type[WeightedMean], tuple[float, float]]:
        return WeightedMean, (float(self), self.weight)


def tag_loss(
    output: Sequence[Ragged],
    targets: Sequence[Ints1d],
    weights: ArrayXd | None = None,
    *,
    focal_gamma: float = 0.0,
    label_smoothing: float = 0.0,
) -> tuple[WeightedMean, list[Ragged]]:
    """Mean cross-entropy over the subwords that carry a known tag.

    output: the model's, one part a Doc.
    targets: the tag id of each row of each Doc, -1 where unknown. *Shape:* `(n_rows,)` each
    weights, focal_gamma, label_smoothing: see `cross_entropy`.
    RETURNS: the loss in nats, and its gradient in the shape of `output`.
    """
    if not output:
        return WeightedMean(), []
    logits = _rows(output)
    xp = get_array_module(logits)
    tag_ids = xp.asarray(np.concatenate(targets))
    weights = None if weights is None else xp.asarray(weights)
    loss, gradient = cross_entropy(logits, tag_ids, weights, focal_gamma=focal_gamma, label_smoothing=label_smoothing)
    return loss, _cut(gradient, output)


def rehearsal_loss(output: Sequence[Ragged], old: Sequence[Ragged]) -> tuple[WeightedMean, list[Ragged]]:
    """Mean divergence from what an older model says of the first subword of each token; see `distillation`.

    output, old: of the two models for the same Docs.
    RETURNS: the loss in nats, and its gradient in the shape of `output`.
    """
    logits, teacher = _rows(output), _rows(old)
    xp = get_array_module(logits)
    lengths = xp.concatenate([part.lengths for part in output])
    first = xp.asarray(first_subword_rows(lengths if xp is np else lengths.get())[1])
    gradient = xp.zeros_like(logits)
    loss, gradient[first] = distillation(logits[first], teacher[first])
    return loss, _cut(gradient, output)


def cross_entropy(
    logits: Floats2d,
    tag_ids: ArrayXd,
    weights: ArrayXd | None = None,
    *,
    focal_gamma: float = 0.0,
    label_smoothing: float = 0.0,
) -> tuple[WeightedMean, Floats2d]:
    """Mean cross-entropy over the rows whose tag is known, as `torch.nn.CrossEntropyLoss(ignore_index=-1)`.

    logits: *Shape:* `(n_rows, n_tags)`
    tag_ids: the gold tag of each row, -1 where unknown. *Shape:* `(n_rows,)`
    weights: of each tag; each row weighs as its gold tag, and the mean is over the sum of the rows' weights. None for
        the same for all. *Shape:* `(n_tags,)`
    focal_gamma (float): the focal loss (Lin et al. 2017, https://arxiv.org/abs/1708.02002): a row whose gold tag has
        the probability p counts (1 - p)^gamma as much. The weights are its alpha, and the mean is over them alone.
    label_smoothing (float): the share of the gold tag that is spread evenly over all tags (Szegedy et al. 2016,
        https://arxiv.org/abs/1512.00567). With weights, each tag's part is multiplied by its own.
    RETURNS: the loss in nats, and its gradient with respect to the logits. *Shape:* `(n_rows, n_tags)`
    """
    xp = get_array_module(logits)
    known = xp.flatnonzero(tag_ids != UNKNOWN)
    gradient = xp.zeros_like(logits)
    if not len(known):
        return WeightedMean(), gradient
    log_probabilities = _log_softmax(xp, logits[known])  # (n_known, n_tags)
    n_tags = logits.shape[1]
    weights = xp.ones(n_tags) if weights is None else weights
    row_weights = weights[tag_ids[known]]
    gold = (xp.arange(len(known)), tag_ids[known])
    value = -log_probabilities[gold]
    slope = xp.exp(log_probabilities)
    slope[gold] -= 1.0
    if focal_gamma:
        focus, focus_of_slope = _focus(xp, value, focal_gamma)
        value, slope = focus * value, focus_of_slope[:, None] * slope
    total = float(row_weights.sum())
    value, slope = row_weights * value, row_weights[:, None] * slope
    if label_smoothing:
        even = weights * label_smoothing / n_tags
        value = (1 - label_smoothing) * value - log_probabilities @ even
        slope = (1 - label_smoothing) * slope + xp.exp(log_probabilities) * even.sum() - even
    gradient[known] = slope / total
    return WeightedMean(float(value.sum()) / total, total), gradient


def distillation(logits: Floats2d, teacher: Floats2d) -> tuple[WeightedMean, Floats2d]:
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
        return WeightedMean(), gradient
    n_old = teacher.shape[1]
    old, new = (_log_softmax(xp, rows) for rows in (teacher, logits[:, :n_old]))
    loss = float((xp.exp(old) * (old - new)).sum(axis=1).mean(dtype="float64"))
    gradient[:, :n_old] = (xp.exp(new) - xp.exp(old)) / len(logits)
    return WeightedMean(loss, len(logits)), gradient


def _focus(xp: Any, surprise: ArrayXd, gamma: float) -> tuple[ArrayXd, ArrayXd]:
    """What the focal loss multiplies the cross-entropy of each row by, and what its gradient.

    With q = 1 - p, that of `q^gamma · -ln p` is `q^gamma + gamma · p · q^(gamma - 1) · -ln p` times that of `-ln p`.

    surprise: -ln p, where p is the probability of the gold tag. *Shape:* `(n_rows,)`
    RETURNS: *Shape:* `(n_rows,)` each
    """
    q = -xp.expm1(-surprise)
    # -ln p / q goes to 1 with q to 0, where the power would be infinite for a gamma below 1.
    ratio = xp.where(q > 0, surprise / xp.maximum(q, xp.finfo(q.dtype).tiny), 1.0)
    focus = q**gamma
    return focus, focus * (1 + gamma * xp.exp(-surprise) * ratio)


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
