"""Compute entity precision, recall and F1 with confidence intervals, and compare pipelines with a significance test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..types import Entity

Table = NDArray[np.float64]

N_SAMPLES = 1000
_Z = 1.959964
"""97.5% quantile of the standard normal distribution."""
_MIN_RANGE = 1e-9
"""Range below which resampled scores are considered identical."""
_AT_ONCE = 2_000_000
"""Maximum number of random numbers per block of resamples. This limits memory use."""


class Counts(NamedTuple):
    """The entity counts by document and label.

    labels (tuple): sorted labels of gold and predicted entities, or other categories by which the entities are counted.
    right (Table): number of correct entities, which have the boundaries and label of a gold entity. *Shape:* `(n_docs,
        n_labels)`
    found (Table): number of predicted entities. *Shape:* `(n_docs, n_labels)`
    gold (Table): number of gold entities. *Shape:* `(n_docs, n_labels)`
    """

    labels: tuple[Any, ...]
    right: Table
    found: Table
    gold: Table

    def stacked(self) -> Table:
        """Stack `right`, `found` and `gold` in this order. *Shape:* `(3, n_docs, n_labels)`"""
        return np.stack([self.right, self.found, self.gold])


def count_entities(
    gold: Sequence[Sequence[Entity]],
    predicted: Sequence[Sequence[Entity]],
    labels: Sequence[str] = (),
    kinds: Callable[[int, Entity], Sequence[Any]] = lambda _, entity: (entity.label,),
) -> Counts:
    """Count correct, predicted and gold entities by document and label.

    gold: gold entities in each document.
    predicted: predicted entities in each document.
    labels: labels to include even if no entity has them. This gives the counts for several pipelines the same columns.
        Default: none.
    kinds (Callable): function that returns an entity's categories, given the document index and the entity. Default:
        the entity's label.
    RETURNS: the counts.
    """
    sides = [
        (set(gold_entities) & set(entities), entities, gold_entities)
        for gold_entities, entities in zip(gold, predicted, strict=True)
    ]
    kinds_by_doc = [[[kind for e in side for kind in kinds(i, e)] for side in doc] for i, doc in enumerate(sides)]
    columns = sorted({*labels, *(kind for doc in kinds_by_doc for side in doc for kind in side)})
    column_of = {label: i for i, label in enumerate(columns)}
    tables = np.zeros((3, len(gold), len(columns)))
    for i, doc in enumerate(kinds_by_doc):
        for table, side in zip(tables, doc, strict=True):
            for kind in side:
                table[i, column_of[kind]] += 1
    return Counts(tuple(columns), *tables)


def prf(right: float, found: float, gold: float) -> dict[str, float | None]:
    """Compute precision `p`, recall `r` and their harmonic mean `f`. A score is None if its denominator is 0.

    right (float): number of correct entities.
    found (float): number of predicted entities.
    gold (float): number of gold entities.
    RETURNS: the scores by name, from 0 to 1.
    """
    return {
        "p": right / found if found else None,
        "r": right / gold if gold else None,
        "f": 2 * right / (found + gold) if found + gold else None,
    }


def score(counts: Counts, n_samples: int = N_SAMPLES, seed: int = 0) -> dict[str, Any]:
    """Score a corpus with 95% bootstrap intervals over documents (Efron 1979, https://doi.org/10.1214/aos/1176344552).

    Each resample contains as many documents as the corpus, drawn with replacement. The interval extends from the 2.5th
    to the 97.5th percentile of the resampled scores.

    If all resamples have the same score, for example because all documents are correct, the bootstrap cannot estimate
    the error. The interval is then computed by `wilson_interval` over entities.

    counts (Counts): counts for the corpus; see `count_entities`.
    n_samples (int): number of resamples. Default: 1000.
    seed (int): seed for the resamples. Default: 0.
    RETURNS: a dictionary with `micro`, the scores over all entities, `macro`, the mean over labels, and `per_label`.
        Each has `p`, `r`, `f` and their intervals `[low, high]` as `p_interval`, `r_interval`, `f_interval`. `micro`
        and each label also have the counts `right`, `found` and `gold`. A score is None if its denominator is 0.
        `macro` excludes labels without a score. A macro interval is None if all resamples have the same score.
    """
    totals = counts.stacked().sum(axis=1)  # (3, n_labels)
    resampled = _resample(counts.stacked(), n_samples, seed)  # (n_samples, 3, n_labels)
    scores = _prf(resampled)  # (n_samples, 3, n_labels)
    per_label = {label: _score_row(totals[:, i], scores[:, :, i]) for i, label in enumerate(counts.labels)}
    macro: dict[str, Any] = {}
    for i, key in enumerate("prf"):
        values = [row[key] for row in per_label.values() if row[key] is not None]
        macro[key] = sum(values) / len(values) if values else None
        macro[f"{key}_interval"] = _percentile_interval(_mean(scores[:, i]))
    micro = _score_row(totals.sum(axis=1), _prf(resampled.sum(axis=2)))
    return {"micro": micro, "macro": macro, "per_label": per_label}


def labels_by_frequency(*scores: Mapping[str, Any]) -> list[str]:
    """Return the labels from one or more pipelines in descending order of gold entity counts.

    scores: scores for each pipeline; see `score`.
    """
    n_gold: dict[str, int] = {}
    for of_pipeline in scores:
        for label, row in of_pipeline["per_label"].items():
            n_gold[label] = max(n_gold.get(label, 0), row["gold"])
    return sorted(n_gold, key=lambda label: (-n_gold[label], label))


def compare(first: Counts, second: Counts, n_samples: int = N_SAMPLES, seed: int = 0) -> dict[str, Any]:
    """Test whether two pipelines differ significantly on the same documents.

    The interval is computed by a paired bootstrap, which scores both pipelines on the same resampled documents. The
    p-value is computed by approximate randomization (Noreen 1989; Yeh 2000, https://aclanthology.org/C00-2137). For
    each sample, the pipelines' predictions on each document are swapped with probability 0.5. The p-value is the share
    of samples with a difference that is at least as large as the observed difference.

    first, second (Counts): counts for the two pipelines on the same documents; see `count_entities`.
    n_samples (int): number of samples for each method. Default: 1000.
    seed (int): seed for the samples. Default: 0.
    RETURNS: a dictionary with `difference`, the micro F1 of `second` minus the micro F1 of `first`, its `interval`
        `[low, high]`, and `p_value`. All are None if the F1 of either pipeline has a denominator of 0. `interval` is
        also None if all resamples have the same difference.
    """
    a, b = first.stacked().sum(axis=2), second.stacked().sum(axis=2)  # (3, n_docs)
    difference = _f1(b.sum(axis=1)) - _f1(a.sum(axis=1))
    if np.isnan(difference):
        return {"difference": None, "interval": None, "p_value": None}
    resampled = _resample(np.stack([*a, *b])[:, :, None], n_samples, seed)[:, :, 0]  # (n_samples, 6)
    differences = _f1(resampled[:, 3:].T) - _f1(resampled[:, :3].T)
    rng = np.random.default_rng(seed)
    n_extreme = 0
    for n in _block_sizes(n_samples, a.shape[1]):
        swap = rng.random((n, a.shape[1])) < 0.5
        swapped = swap @ (b - a).T  # (n, 3)
        randomized = _f1((b.sum(axis=1) - swapped).T) - _f1((a.sum(axis=1) + swapped).T)
        n_extreme += int((np.abs(randomized) >= abs(difference) - 1e-12).sum())
    p_value = (n_extreme + 1) / (n_samples + 1)
    return {"difference": float(difference), "interval": _percentile_interval(differences), "p_value": p_value}


def _block_sizes(n_samples: int, n_docs: int) -> list[int]:
    """Return the sizes of sample blocks with at most `_AT_ONCE` random numbers each."""
    size = max(1, _AT_ONCE // max(1, n_docs))
    return [min(size, n_samples - start) for start in range(0, n_samples, size)]


def _resample(tables: Table, n_samples: int, seed: int) -> Table:
    """Sum tables over resampled documents. *Shape:* `(k, n_docs, n)` → `(n_samples, k, n)`"""
    k, n_docs, n = tables.shape
    if not n_docs:
        return np.zeros((n_samples, k, n))
    rng = np.random.default_rng(seed)
    flat = tables.transpose(1, 0, 2).reshape(n_docs, k * n)
    blocks = [
        rng.multinomial(n_docs, np.full(n_docs, 1 / n_docs), size=size) @ flat
        for size in _block_sizes(n_samples, n_docs)
    ]
    return np.concatenate(blocks).reshape(n_samples, k, n)


def _prf(counts: Table) -> Table:
    """Convert `right`, `found`, `gold` to precision, recall, F1 along the second axis. A denominator of 0 gives NaN.

    *Shape:* `(n_samples, 3, …)` → `(n_samples, 3, …)`
    """
    right, found, gold = counts[:, 0], counts[:, 1], counts[:, 2]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([right / found, right / gold, 2 * right / (found + gold)], axis=1)


def _f1(totals: Table) -> Any:
    """Compute F1 from `right`, `found`, `gold`. A denominator of 0 gives NaN. *Shape:* `(3, …)` → `(…)`"""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(2 * totals[0] / (totals[1] + totals[2]))


def wilson_interval(right: float, n: float) -> tuple[float, float]:
    """Compute the 95% score interval for a proportion (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953).

    If 5 out of 5 entities are correct, the interval is 0.566 to 1. Entities are assumed to be independent.

    right (float): number of correct entities.
    n (float): number of entities.
    RETURNS: the lower and upper bounds, from 0 to 1.
    """
    centre, half = right + _Z**2 / 2, _Z * (right * (n - right) / n + _Z**2 / 4) ** 0.5
    return max(0.0, (centre - half) / (n + _Z**2)), min(1.0, (centre + half) / (n + _Z**2))


def _count_interval(key: str, right: float, found: float, gold: float) -> list[float]:
    """Compute Wilson's interval for precision, recall or F1.

    F1 is 2 J / (1 + J) with the Jaccard index J, the share of correct entities among all gold or predicted entities.
    """
    if key == "f":
        return [2 * jaccard / (1 + jaccard) for jaccard in wilson_interval(right, found + gold - right)]
    return list(wilson_interval(right, found if key == "p" else gold))


def _score_row(totals: Table, resampled: Table) -> dict[str, Any]:
    """Return scores and intervals for one label or for all labels.

    totals: `right`, `found` and `gold` in the corpus. *Shape:* `(3,)`
    resampled: precision, recall and F1 for each resample. *Shape:* `(n_samples, 3)`
    """
    right, found, gold = totals.tolist()
    row: dict[str, Any] = prf(right, found, gold)
    for i, key in enumerate("prf"):
        interval = _percentile_interval(resampled[:, i])
        if interval is None and row[key] is not None:
            interval = _count_interval(key, right, found, gold)
        row[f"{key}_interval"] = interval
    return row | {"right": int(right), "found": int(found), "gold": int(gold)}


def _mean(values: Table) -> Table:
    """Average each row, ignoring NaN values. Rows with only NaN values give NaN. *Shape:* `(n, m)` → `(n,)`"""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Table = np.where(known, values, 0).sum(axis=1) / known.sum(axis=1)
    return mean


def _percentile_interval(resampled: Table) -> list[float] | None:
    """Return the 2.5th and 97.5th percentiles, or None if the scores are missing or equal. *Shape:* `(n_samples,)`"""
    known = resampled[~np.isnan(resampled)]
    return np.percentile(known, [2.5, 97.5]).tolist() if len(known) and np.ptp(known) > _MIN_RANGE else None
