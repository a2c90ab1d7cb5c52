"""Token accuracy over IOB tags, which tutorials on token classification report; and how honest scores are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def iob_accuracy(gold: Sequence[Sequence[str | None]], predicted: Sequence[Sequence[str]]) -> dict[str, float | None]:
    """Share of tokens whose predicted IOB tag, prefix and label, is the gold one.

    gold: tags of the gold tokens of each document, None where unknown; such tokens are not counted.
    predicted: the same for the predictions, on the same tokens.
    RETURNS: `iob_acc`, over all tokens, and `iob_doc_acc`, the mean of the documents' accuracies; None without tokens.
    """
    right = total = 0
    documents: list[float] = []
    for gold_tags, predicted_tags in zip(gold, predicted, strict=True):
        hits = [g == p for g, p in zip(gold_tags, predicted_tags, strict=True) if g is not None]
        if hits:
            right += sum(hits)
            total += len(hits)
            documents.append(sum(hits) / len(hits))
    return {
        "iob_acc": right / total if total else None,
        "iob_doc_acc": sum(documents) / len(documents) if documents else None,
    }


def calibration_error(scores: ArrayLike, correct: ArrayLike, n_bins: int = 10) -> float:
    """Expected calibration error: how far scores are from the share of right answers among those that have them.

    The scores are put into bins of equal width; the difference between the mean score and the share of right answers in
    a bin is weighed by how many scores it holds (Naeini et al. 2015, https://doi.org/10.1609/aaai.v29i1.9602; Guo et
    al. 2017, https://arxiv.org/abs/1706.04599).

    scores: from 0 to 1. *Shape:* `(n,)`, at least one
    correct: whether each of them is right. *Shape:* `(n,)`
    RETURNS: from 0, where scores are honest, to 1.
    """
    score, right = np.asarray(scores, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    bins = np.minimum((score * n_bins).astype(np.int64), n_bins - 1)
    difference = np.bincount(bins, weights=score, minlength=n_bins) - np.bincount(bins, weights=right, minlength=n_bins)
    return float(np.abs(difference).sum() / len(score))
