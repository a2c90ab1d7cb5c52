"""Compute masked cross-entropy and the divergence from an older model, with gradients.

The cross-entropy can be weighted, focal or label-smoothed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from thinc.api import Ragged, get_array_module

from ..decoding.tag_scheme import UNKNOWN
from ..tokenization.alignment import first_subword_rows
from ..types import ArrayXd, Ints1d, TagLogits


class WeightedMean(float):
    """A weighted mean. Adding two weighted means returns the mean over the rows of both.

    `spacy train` adds the losses that a component reports between two evaluations. With this class, the printed loss is
    a mean cross-entropy in nats, regardless of the number of batches.

    value (float): the mean. Default: 0.
    weight (float): number of rows in the mean, or the sum of their weights. Default: 0.
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
    """Compute the mean cross-entropy over the subwords whose tag is known.

    output (Sequence[Ragged]): model output, one `Ragged` per Doc. *Shape:* `(n_rows, n_tags)` each
    targets (Sequence[Ints1d]): tag ID of each row, or -1 if unknown, for each Doc. *Shape:* `(n_rows,)` each
    weights (ArrayXd | None), focal_gamma (float), label_smoothing (float): see `cross_entropy`.
    RETURNS (tuple[WeightedMean, list[Ragged]]): the loss in nats, and its gradient with the same shapes as `output`.
    """
    if not output:
        return WeightedMean(), []
    logits = _concatenate_logits(output)
    xp = get_array_module(logits)
    tag_ids = xp.asarray(np.concatenate(targets))
    weights = None if weights is None else xp.asarray(weights)
    loss, gradient = cross_entropy(logits, tag_ids, weights, focal_gamma=focal_gamma, label_smoothing=label_smoothing)
    return loss, _split_by_doc(gradient, output)


def rehearsal_loss(output: Sequence[Ragged], old: Sequence[Ragged]) -> tuple[WeightedMean, list[Ragged]]:
    """Compute the mean divergence from an older model over the first subwords of all tokens; see `distillation`.

    output (Sequence[Ragged]): model output, one `Ragged` per Doc. *Shape:* `(n_rows, n_tags)` each
    old (Sequence[Ragged]): output of the older model for the same Docs. *Shape:* `(n_rows, n_old_tags)` each
    RETURNS (tuple[WeightedMean, list[Ragged]]): the loss in nats, and its gradient with the same shapes as `output`.
    """
    logits, teacher = _concatenate_logits(output), _concatenate_logits(old)
    xp = get_array_module(logits)
    lengths = xp.concatenate([part.lengths for part in output])
    first = xp.asarray(first_subword_rows(lengths if xp is np else lengths.get())[1])
    gradient = xp.zeros_like(logits)
    loss, gradient[first] = distillation(logits[first], teacher[first])
    return loss, _split_by_doc(gradient, output)


def cross_entropy(
    logits: TagLogits,
    tag_ids: ArrayXd,
    weights: ArrayXd | None = None,
    *,
    focal_gamma: float = 0.0,
    label_smoothing: float = 0.0,
) -> tuple[WeightedMean, TagLogits]:
    """Compute the mean cross-entropy over rows with a known tag, like `torch.nn.CrossEntropyLoss(ignore_index=-1)`.

    logits (TagLogits): tag logits of each row. *Shape:* `(n_rows, n_tags)`
    tag_ids (ArrayXd): gold tag ID of each row, or -1 if unknown. *Shape:* `(n_rows,)`
    weights (ArrayXd | None): weight of each tag. Each row has the weight of its gold tag, and the loss is divided by
        the sum of these weights. Default: equal weights. *Shape:* `(n_tags,)`
    focal_gamma (float): exponent of the focal loss (Lin et al. 2017, https://arxiv.org/abs/1708.02002). The loss of a
        row whose gold tag has the probability p is multiplied by (1 - p)^gamma. `weights` corresponds to alpha in the
        paper, and the loss is divided only by the sum of `weights`. Default: 0.0.
    label_smoothing (float): share of the gold probability that is distributed evenly over all tags (Szegedy et al.
        2016, https://arxiv.org/abs/1512.00567). The term for each tag is multiplied by the tag's weight. Default: 0.0.
    RETURNS (tuple[WeightedMean, TagLogits]): the loss in nats, and its gradient with respect to the logits. *Shape:*
        `(n_rows, n_tags)`
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
    losses = -log_probabilities[gold]
    d_logits = xp.exp(log_probabilities)
    d_logits[gold] -= 1.0
    if focal_gamma:
        loss_factor, gradient_factor = _focal_factors(xp, losses, focal_gamma)
        losses, d_logits = loss_factor * losses, gradient_factor[:, None] * d_logits
    total = float(row_weights.sum())
    losses, d_logits = row_weights * losses, row_weights[:, None] * d_logits
    if label_smoothing:
        uniform = weights * label_smoothing / n_tags
        losses = (1 - label_smoothing) * losses - log_probabilities @ uniform
        d_logits = (1 - label_smoothing) * d_logits + xp.exp(log_probabilities) * uniform.sum() - uniform
    gradient[known] = d_logits / total
    return WeightedMean(float(losses.sum()) / total, total), gradient


def distillation(logits: TagLogits, teacher: TagLogits) -> tuple[WeightedMean, TagLogits]:
    """Compute the mean divergence of a model's tag distribution from that of an older model.

    The method is knowledge distillation (Hinton et al. 2015, https://arxiv.org/abs/1503.02531) at temperature 1. Tags
    that the older model lacks must come last. They are excluded from both distributions.

    logits (TagLogits): logits from the model. *Shape:* `(n_rows, n_tags)`
    teacher (TagLogits): logits from the older model for the same rows. *Shape:* `(n_rows, n_old_tags)`
    RETURNS (tuple[WeightedMean, TagLogits]): the Kullback-Leibler divergence in nats, which is 0 if the distributions
        are equal, and its gradient with respect to `logits`. *Shape:* `(n_rows, n_tags)`
    """
    xp = get_array_module(logits)
    gradient = xp.zeros_like(logits)
    if not len(logits):
        return WeightedMean(), gradient
    n_old = teacher.shape[1]
    old, new = _log_softmax(xp, teacher), _log_softmax(xp, logits[:, :n_old])
    loss = float((xp.exp(old) * (old - new)).sum(axis=1).mean(dtype="float64"))
    gradient[:, :n_old] = (xp.exp(new) - xp.exp(old)) / len(logits)
    return WeightedMean(loss, len(logits)), gradient


def _focal_factors(xp: Any, surprise: ArrayXd, gamma: float) -> tuple[ArrayXd, ArrayXd]:
    """Return the factors by which the focal loss multiplies each row's cross-entropy and gradient.

    With q = 1 - p, the gradient of `q^gamma · -ln p` is the gradient of `-ln p` multiplied by
    `q^gamma + gamma · p · q^(gamma - 1) · -ln p`.

    surprise: -ln p for each row, where p is the probability of the gold tag. *Shape:* `(n_rows,)`
    RETURNS: the factors for the cross-entropy and for the gradient. *Shape:* `(n_rows,)` each
    """
    q = -xp.expm1(-surprise)
    # -ln p / q approaches 1 as q approaches 0. The power of q would be infinite at 0 for a gamma below 1.
    ratio = xp.where(q > 0, surprise / xp.maximum(q, xp.finfo(q.dtype).tiny), 1.0)
    focus = q**gamma
    return focus, focus * (1 + gamma * xp.exp(-surprise) * ratio)


def _log_softmax(xp: Any, logits: TagLogits) -> TagLogits:
    logits = logits - logits.max(axis=1, keepdims=True)
    log_probabilities: TagLogits = logits - xp.log(xp.exp(logits).sum(axis=1, keepdims=True))
    return log_probabilities


def _concatenate_logits(output: Sequence[Ragged]) -> TagLogits:
    parts = [part.dataXd for part in output]
    logits: TagLogits = get_array_module(parts[0]).concatenate(parts)
    return logits


def _split_by_doc(rows: TagLogits, output: Sequence[Ragged]) -> list[Ragged]:
    """Split the concatenated rows of all Docs into one `Ragged` per Doc, with the lengths of the model's output."""
    boundaries = np.cumsum([len(part.dataXd) for part in output])[:-1].tolist()
    parts = get_array_module(rows).split(rows, boundaries)
    return [Ragged(part, doc_output.lengths) for part, doc_output in zip(parts, output, strict=True)]
