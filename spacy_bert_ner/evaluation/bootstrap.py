"""Precision, recall and F1 of entities, with what chance alone may add or take; two pipelines side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..types import Entity

Table = NDArray[np.float64]

N_SAMPLES = 1000
_Z = 1.959964
"""Quantile of the normal distribution at 97.5 %."""
_SAME = 1e-9
"""Scores that differ by no more have no spread."""
_AT_ONCE = 2_000_000
"""Numbers of a sample of documents that are drawn together, which bounds memory."""


class Counts(NamedTuple):
    """Entities of each document and label. *Shape:* `(n_docs, n_labels)` each

    labels: those of gold and of predicted entities, or what else these are counted as, sorted.
    right: predicted entities that are gold ones, boundaries and label.
    found: predicted ones.
    gold: gold ones.
    """

    labels: tuple[Any, ...]
    right: Table
    found: Table
    gold: Table

    def stacked(self) -> Table:
        """`(3, n_docs, n_labels)`"""
        return np.stack([self.right, self.found, self.gold])


def count_entities(
    gold: Sequence[Sequence[Entity]],
    predicted: Sequence[Sequence[Entity]],
    labels: Sequence[str] = (),
    kinds: Callable[[int, Entity], Sequence[Any]] = lambda _, entity: (entity.label,),
) -> Counts:
    """Count the entities of documents.

    labels: beside those that occur, so that several pipelines have the same.
    kinds: gives all that an entity is counted as, in place of its label, for the number of the document and the entity.
    """
    sides = [(set(wanted) & set(found), found, wanted) for wanted, found in zip(gold, predicted, strict=True)]
    told = [[[kind for e in side for kind in kinds(i, e)] for side in doc] for i, doc in enumerate(sides)]
    known = sorted({*labels, *(one for doc in told for side in doc for one in side)})
    place = {label: i for i, label in enumerate(known)}
    tables = np.zeros((3, len(gold), len(known)))
    for i, doc in enumerate(told):
        for table, side in zip(tables, doc, strict=True):
            for one in side:
                table[i, place[one]] += 1
    return Counts(tuple(known), *tables)


def prf(right: float, found: float, gold: float) -> dict[str, float | None]:
    """Precision `p`, recall `r` and their harmonic mean `f`; None where there is nothing to divide by."""
    return {
        "p": right / found if found else None,
        "r": right / gold if gold else None,
        "f": 2 * right / (found + gold) if found + gold else None,
    }


def score(counts: Counts, n_samples: int = N_SAMPLES, seed: int = 0) -> dict[str, Any]:
    """Score a corpus, with 95 % intervals of the bootstrap over documents (Efron 1979,
    https://doi.org/10.1214/aos/1176344552): documents are drawn with replacement, as many as there are, and what lies
    between the 2.5th and the 97.5th percentile of the scores is the interval.

    Where all draws have the same score, as where every document is right, the bootstrap says nothing about the error.
    The interval is then that of `wilson` over entities.

    n_samples: how often they are drawn.
    RETURNS: `micro`, over all entities, `macro`, the mean over labels, and `per_label`, each with `p`, `r`, `f` and, of
        each, `p_interval` and so on, `[low, high]`; but for the macro mean, which leaves out labels that are not there,
        with the numbers `right`, `found` and `gold`. None where there is nothing to divide by. The interval of a macro
        mean that is the same in all draws is None too.
    """
    totals = counts.stacked().sum(axis=1)  # (3, n_labels)
    drawn = _draw(counts.stacked(), n_samples, seed)  # (n_samples, 3, n_labels)
    scores = _prf(drawn)  # (n_samples, 3, n_labels)
    per_label = {label: _scored(totals[:, i], scores[:, :, i]) for i, label in enumerate(counts.labels)}
    macro: dict[str, Any] = {}
    for i, key in enumerate("prf"):
        values = [row[key] for row in per_label.values() if row[key] is not None]
        macro[key] = sum(values) / len(values) if values else None
        macro[f"{key}_interval"] = _interval(_mean(scores[:, i]))
    micro = _scored(totals.sum(axis=1), _prf(drawn.sum(axis=2)))
    return {"micro": micro, "macro": macro, "per_label": per_label}


def compare(one: Counts, other: Counts, n_samples: int = N_SAMPLES, seed: int = 0) -> dict[str, Any]:
    """Whether two pipelines differ on the same documents by more than chance.

    The interval is that of the paired bootstrap: both are scored on the same drawn documents. The p-value is that of
    approximate randomization (Noreen 1989; Yeh 2000, https://aclanthology.org/C00-2137): the two exchange their answers
    on half of the documents, drawn at random, and it is counted how often that makes as large a difference.

    RETURNS: `difference`, the F1 of `other` less that of `one`, over all entities; `interval`, `p_value`. None where
        one of them has nothing to divide by. `interval` is also None where all draws have the same difference.
    """
    a, b = one.stacked().sum(axis=2), other.stacked().sum(axis=2)  # (3, n_docs)
    difference = _f1(b.sum(axis=1)) - _f1(a.sum(axis=1))
    if np.isnan(difference):
        return {"difference": None, "interval": None, "p_value": None}
    both = _draw(np.stack([*a, *b])[:, :, None], n_samples, seed)[:, :, 0]  # (n_samples, 6)
    drawn = _f1(both[:, 3:].T) - _f1(both[:, :3].T)
    rng = np.random.default_rng(seed)
    n_extreme = 0
    for n in _runs(n_samples, a.shape[1]):
        swap = rng.random((n, a.shape[1])) < 0.5
        moved = swap @ (b - a).T  # (n, 3)
        mixed = _f1((b.sum(axis=1) - moved).T) - _f1((a.sum(axis=1) + moved).T)
        n_extreme += int((np.abs(mixed) >= abs(difference) - 1e-12).sum())
    p_value = (n_extreme + 1) / (n_samples + 1)
    return {"difference": float(difference), "interval": _interval(drawn), "p_value": p_value}


def _runs(n_samples: int, n_docs: int) -> list[int]:
    size = max(1, _AT_ONCE // max(1, n_docs))
    return [min(size, n_samples - start) for start in range(0, n_samples, size)]


def _draw(tables: Table, n_samples: int, seed: int) -> Table:
    """Sums over drawn documents. *Shape:* `(k, n_docs, n)` → `(n_samples, k, n)`"""
    k, n_docs, n = tables.shape
    if not n_docs:
        return np.zeros((n_samples, k, n))
    rng = np.random.default_rng(seed)
    flat = tables.transpose(1, 0, 2).reshape(n_docs, k * n)
    parts = [
        rng.multinomial(n_docs, np.full(n_docs, 1 / n_docs), size=size) @ flat for size in _runs(n_samples, n_docs)
    ]
    return np.concatenate(parts).reshape(n_samples, k, n)


def _prf(drawn: Table) -> Table:
    """Right, found, gold → P, R, F1 along the second axis; NaN where there is nothing to divide by."""
    right, found, gold = drawn[:, 0], drawn[:, 1], drawn[:, 2]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([right / found, right / gold, 2 * right / (found + gold)], axis=1)


def _f1(totals: Table) -> Any:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(2 * totals[0] / (totals[1] + totals[2]))


def wilson(right: float, n: float) -> tuple[float, float]:
    """Give the 95 % interval of a share, such as 0.566 to 1 for 5 right ones of 5, by Wilson 1927,
    https://doi.org/10.1080/01621459.1927.10502953.

    right, n: entities, which are taken as independent of each other.
    """
    centre, half = right + _Z**2 / 2, _Z * (right * (n - right) / n + _Z**2 / 4) ** 0.5
    return max(0.0, (centre - half) / (n + _Z**2)), min(1.0, (centre + half) / (n + _Z**2))


def _count_interval(key: str, right: float, found: float, gold: float) -> list[float]:
    """Give Wilson's interval of precision, recall or F1.

    F1 is 2 J / (1 + J), where J is the share of right entities among all that are gold, predicted or both.
    """
    if key == "f":
        return [2 * share / (1 + share) for share in wilson(right, found + gold - right)]
    return list(wilson(right, found if key == "p" else gold))


def _scored(totals: Table, drawn: Table) -> dict[str, Any]:
    right, found, gold = totals.tolist()
    row: dict[str, Any] = prf(right, found, gold)
    for i, key in enumerate("prf"):
        known = row[key] is not None
        row[f"{key}_interval"] = _interval(drawn[:, i]) or (_count_interval(key, right, found, gold) if known else None)
    return row | {"right": int(right), "found": int(found), "gold": int(gold)}


def _mean(values: Table) -> Table:
    """Of each row, without NaN; NaN where there is nothing else."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Table = np.where(known, values, 0).sum(axis=1) / known.sum(axis=1)
    return mean


def _interval(drawn: Table) -> list[float] | None:
    """RETURNS: None where no draw has a score, or all have the same."""
    known = drawn[~np.isnan(drawn)]
    return np.percentile(known, [2.5, 97.5]).tolist() if len(known) and np.ptp(known) > _SAME else None
