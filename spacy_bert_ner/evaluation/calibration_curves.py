"""Measure the calibration of entity scores, and compute precision and recall by score threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .bootstrap import prf
from .token_accuracy import calibration_error

N_BINS = 10
_MAX_POINTS = 200
"""Maximum number of points on a curve. A plot cannot show more distinct points."""


class Scored(NamedTuple):
    """A predicted entity with a score.

    label (str): entity label.
    score (float): entity score from 0 to 1.
    right (bool): whether the entity is correct.
    """

    label: str
    score: float
    right: bool


def confidence(entities: Sequence[Scored], gold: dict[str, int], wanted_precision: float) -> dict[str, Any] | None:
    """Measure the calibration of scores and find thresholds, for all labels together and for each label.

    entities: predicted entities with a score.
    gold: number of gold entities by label.
    wanted_precision (float): target precision for thresholds, from 0 to 1.
    RETURNS: a dictionary with `wanted_precision`, and with `all` and `per_label` in the form that `_measure` returns.
        None if no entity has a score.
    """
    if not entities:
        return None
    labels = sorted({entity.label for entity in entities})
    return {
        "wanted_precision": wanted_precision,
        "all": _measure(entities, sum(gold.values()), wanted_precision),
        "per_label": {
            label: _measure([e for e in entities if e.label == label], gold.get(label, 0), wanted_precision)
            for label in labels
        },
    }


def _measure(entities: Sequence[Scored], n_gold: int, wanted_precision: float) -> dict[str, Any]:
    """Measure the calibration of entity scores and find a threshold.

    RETURNS: a dictionary with these keys:
        `n`: number of entities
        `ece`: expected calibration error
        `bins`: non-empty score bins with equal widths, each with `low`, `high`, `n`, the mean `score` and the share of
            correct entities as `right`
        `curve`: precision `p` and recall `r` of the entities with a score of at least `threshold`
        `threshold`: among the curve's points with at least the wanted precision, the one with the lowest threshold, or
            None if there is none. If all entities together have this precision, the point's `threshold` is 0.
    """
    scores = np.array([entity.score for entity in entities])
    right = np.array([entity.right for entity in entities])
    bin_of = np.minimum((scores * N_BINS).astype(int), N_BINS - 1)
    bins = []
    for i in range(N_BINS):
        in_bin = bin_of == i
        if n := int(in_bin.sum()):
            means = {"score": float(scores[in_bin].mean()), "right": float(right[in_bin].mean())}
            bins.append({"low": i / N_BINS, "high": (i + 1) / N_BINS, "n": n, **means})
    curve = _curve(scores, right, n_gold)
    precise_enough = [point for point in curve if point["p"] >= wanted_precision]
    if precise_enough and precise_enough[-1] is curve[-1]:
        precise_enough[-1] = {**curve[-1], "threshold": 0.0}
    return {
        "n": len(entities),
        "ece": calibration_error(scores, right),
        "bins": bins,
        "curve": _thin_out(curve),
        "threshold": precise_enough[-1] if precise_enough else None,
    }


def _thin_out(curve: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return at most `_MAX_POINTS` evenly spaced points from a curve, including its first and last points."""
    if len(curve) <= _MAX_POINTS:
        return curve
    return [curve[round(i * (len(curve) - 1) / (_MAX_POINTS - 1))] for i in range(_MAX_POINTS)]


def _curve(scores: Any, right: Any, n_gold: int) -> list[dict[str, Any]]:
    """Return points with threshold, precision and recall, in descending order of threshold.

    scores, right: score of each entity, and whether it is correct. *Shape:* `(n,)` each
    n_gold: number of gold entities.
    """
    # Six digits suffice for a config. Rounding down ensures that the entity at the threshold passes it.
    scores = np.floor(scores * 1e6) / 1e6
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], np.cumsum(right[order])
    # Entities with equal scores pass a threshold together.
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    points = []
    for i in ends.tolist():
        point = {"threshold": float(ordered[i]), **prf(float(hits[i]), i + 1, n_gold)}
        points.append({key: point[key] for key in ("threshold", "p", "r")})
    return points
