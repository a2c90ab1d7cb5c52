"""How much each tag weighs in the loss."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..decoding.tag_scheme import OUTSIDE, TagSet
from ..types import ArrayXd


def balanced_weights(counts: Mapping[str, int]) -> dict[str, float]:
    """The weight of each label, and of `O`, with which all of them have the same share in the loss.

        {"O": 6, "per": 3, "art": 1}   →   {"O": 0.56, "per": 1.11, "art": 3.33}

    It is `n_tokens / (n_labels * count)`, O among the labels, so that the mean over all tokens is 1.

    counts: tokens of each, which are more than 0.
    """
    n = sum(counts.values())
    return {label: n / (len(counts) * count) for label, count in sorted(counts.items())}


def tag_weights(weights: Mapping[str, float], tags: TagSet) -> ArrayXd:
    """The weight of each tag, that of its label.

    weights: by label and for `O`; 1 for those that are not named.
    RETURNS: *Shape:* `(n_tags,)`
    """
    by_label = np.array([weights.get(label, 1.0) for label in (OUTSIDE, *tags.labels)], dtype=np.float64)
    chosen: ArrayXd = by_label[tags.label_ids]
    return chosen
