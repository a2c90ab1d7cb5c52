"""How honest scores of entities are, and what a threshold on them does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .bootstrap import prf
from .token_accuracy import calibration_error

N_BINS = 10
_MOST_POINTS = 200
"""Of a curve: more are not to be told apart in a plot."""


class Scored(NamedTuple):
    """A predicted entity: its label, its score, and whether it is right."""

    label: str
    score: float
    right: bool


def confidence(entities: Sequence[Scored], gold: dict[str, int], wanted: float) -> dict[str, Any] | None:
    """What scores tell, over all labels and for each.

    entities: those with a score.
    gold: how many gold entities there are of each label.
    wanted: the precision that a threshold is to give, from 0 to 1.
    RETURNS: `all` and `per_label`, see `_told`; None where no entity has a score.
    """
    if not entities:
        return None
    labels = sorted({entity.label for entity in entities})
    return {
        "wanted_precision": wanted,
        "all": _told(entities, sum(gold.values()), wanted),
        "per_label": {
            label: _told([e for e in entities if e.label == label], gold.get(label, 0), wanted) for label in labels
        },
    }


def _told(entities: Sequence[Scored], n_gold: int, wanted: float) -> dict[str, Any]:
    """`n`, entities; `ece`, the expected calibration error; `bins` of scores of equal width that hold some, each with
    `low`, `high`, `n`, its mean `score`, and the share that is `right`; `curve`, precision and recall of the entities
    that have a `threshold` or more; `threshold`, the least with the wanted precision, and its precision and recall, 0
    where all entities have that precision, None where no threshold gives it."""
    scores = np.array([entity.score for entity in entities])
    right = np.array([entity.right for entity in entities])
    bin_of = np.minimum((scores * N_BINS).astype(int), N_BINS - 1)
    bins = []
    for i in range(N_BINS):
        inside = bin_of == i
        if n := int(inside.sum()):
            shares = {"score": float(scores[inside].mean()), "right": float(right[inside].mean())}
            bins.append({"low": i / N_BINS, "high": (i + 1) / N_BINS, "n": n, **shares})
    curve = _curve(scores, right, n_gold)
    good = [point for point in curve if point["p"] >= wanted]
    if good and good[-1] is curve[-1]:
        good[-1] = {**curve[-1], "threshold": 0.0}
    most = _MOST_POINTS
    kept = curve if len(curve) <= most else [curve[round(i * (len(curve) - 1) / (most - 1))] for i in range(most)]
    return {
        "n": len(entities),
        "ece": calibration_error(scores, right),
        "bins": bins,
        "curve": kept,
        "threshold": good[-1] if good else None,
    }


def _curve(scores: Any, right: Any, n_gold: int) -> list[dict[str, Any]]:
    """From the highest score to the lowest."""
    # Six digits are enough to write in a config; rounded down, so that the entity still passes.
    scores = np.floor(scores * 1e6) / 1e6
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order], np.cumsum(right[order])
    # Entities with the same score pass a threshold together.
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    points = []
    for i in ends.tolist():
        point = {"threshold": float(ordered[i]), **prf(float(hits[i]), i + 1, n_gold)}
        points.append({key: point[key] for key in ("threshold", "p", "r")})
    return points
