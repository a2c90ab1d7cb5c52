"""Compute the weight of each tag in the loss."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..decoding.tag_scheme import OUTSIDE, TagSet
from ..types import ArrayXd


def balanced_weights(counts: Mapping[str, int]) -> dict[str, float]:
    """Compute weights that give `O` and every label the same share of the loss.

        {"O": 6, "per": 3, "art": 1}   →   {"O": 0.56, "per": 1.11, "art": 3.33}

    The weight of a label is `n_tokens / (n_labels * count)`, where `O` counts as a label. The mean weight over all
    tokens is thus 1.

    counts (Mapping[str, int]): number of tokens with each label, including `O`. Each number is above 0.
    RETURNS (dict[str, float]): weight of each label, including `O`.
    """
    n = sum(counts.values())
    return {label: n / (len(counts) * count) for label, count in sorted(counts.items())}


def tag_weights(weights: Mapping[str, float], tags: TagSet) -> ArrayXd:
    """Return the weight of each tag, which is the weight of its label.

    weights (Mapping[str, float]): weight of each label, including `O`. Labels without a weight get the weight 1.
    tags (TagSet): tags of the head.
    RETURNS (ArrayXd): weight of each tag. *Shape:* `(n_tags,)`
    """
    label_weights = np.array([weights.get(label, 1.0) for label in (OUTSIDE, *tags.labels)], dtype=np.float64)
    weight_of_tag: ArrayXd = label_weights[tags.label_ids]
    return weight_of_tag
