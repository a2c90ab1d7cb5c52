"""Compute the token accuracy that token-classification tutorials report, and the calibration error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def iob_accuracy(gold: Sequence[Sequence[str | None]], predicted: Sequence[Sequence[str]]) -> dict[str, float | None]:
    """Compute the share of tokens whose predicted IOB tag has the same prefix and label as the gold tag.

    gold: gold tags for the tokens in each document. Tokens with None are not counted.
    predicted: predicted tags for the same tokens.
    RETURNS: a dictionary with `iob_acc`, the accuracy over all tokens, and `iob_doc_acc`, the mean accuracy over
        documents. Both are None if there are no tokens.
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
    """Compute the expected calibration error (ECE), the mean difference between scores and accuracy.

    The scores are divided into bins with equal widths. For each bin, the absolute difference between mean score and
    accuracy is computed. The ECE is the mean of these differences, weighted by the number of scores (Naeini et al.
    2015, https://doi.org/10.1609/aaai.v29i1.9602; Guo et al. 2017, https://arxiv.org/abs/1706.04599).

    scores (ArrayLike): at least one score from 0 to 1. *Shape:* `(n,)`
    correct (ArrayLike): whether the prediction for each score is correct. *Shape:* `(n,)`
    n_bins (int): number of bins. Default: 10.
    RETURNS: the error from 0 to 1. 0 means perfect calibration.
    """
    score, right = np.asarray(scores, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    bins = np.minimum((score * n_bins).astype(np.int64), n_bins - 1)
    difference = np.bincount(bins, weights=score, minlength=n_bins) - np.bincount(bins, weights=right, minlength=n_bins)
    return float(np.abs(difference).sum() / len(score))
