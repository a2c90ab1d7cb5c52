"""Compute the weight of each tag in the loss."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..decoding.tag_scheme import OUTSIDE, TagSet
from ..types import ArrayXd


def balanced_weights(counts: Mapping[str, int]) -> dict[str, float]:
    """Compute the weights with which all labels, and `O`, have the same share in the loss.

        {"O": 6, "per": 3, "art": 1}   →   {"O": 0.56, "per": 1.11, "art": 3.33}

    The weight is `n_tokens / (n_labels * count)`, where the labels include `O`. The mean over all tokens is thus 1.

    counts (Mapping[str, int]): number of tokens of each label and of `O`, above 0.
    RETURNS (dict[str, float]): the weight of each label and of `O`.
    """
    n = sum(counts.values())
    return {label: n / (len(counts) * count) for label, count in sorted(counts.items())}


def tag_weights(weights: Mapping[str, float], tags: TagSet) -> ArrayXd:
    """Return the weight of each tag, which is the weight of its label.

    weights (Mapping[str, float]): weights by label and for `O`; 1 for labels without a weight.
    tags (TagSet): tags of the head.
    RETURNS (ArrayXd): *Shape:* `(n_tags,)`
    """
    label_weights = np.array([weights.get(label, 1.0) for label in (OUTSIDE, *tags.labels)], dtype=np.float64)
    weight_of_tag: ArrayXd = label_weights[tags.label_ids]
    return weight_of_tag
