"""Count predicted and correct entities in dev data by score threshold.

The report computes precision and recall from these counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .calibration_curves import Scored

MOST_THRESHOLDS = 100
"""Maximum number of thresholds for a label, which keeps the report small."""


def dev_thresholds(entities: Sequence[Scored], gold: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """Count the predicted and the correct entities at each threshold.

    entities: predicted entities with a score.
    gold: number of gold entities by label.
    RETURNS: `gold` and `points` for each label with scored entities. `gold` is the number of gold entities. Each point
        is a list of a threshold, the number of entities with at least this score, and the number of these that are
        correct. The first threshold is 0.
    """
    curves = {}
    for label in sorted({entity.label for entity in entities}):
        ranked = sorted(
            # Six digits suffice for a config. Rounding down ensures that the entity at the threshold passes it.
            ((math.floor(e.score * 1e6) / 1e6, e.right) for e in entities if e.label == label),
            reverse=True,
        )
        points = {}
        n_right = 0
        for n, (score, right) in enumerate(ranked, start=1):
            n_right += right
            points[score] = [score, n, n_right]
        thinned = sorted(points.values())
        if len(thinned) > MOST_THRESHOLDS:
            last = len(thinned) - 1
            thinned = [thinned[round(i * last / (MOST_THRESHOLDS - 1))] for i in range(MOST_THRESHOLDS)]
        everything = [0.0, len(ranked), n_right]
        curves[label] = {"gold": gold.get(label, 0), "points": [everything, *(p for p in thinned if p[0] > 0)]}
    return curves
