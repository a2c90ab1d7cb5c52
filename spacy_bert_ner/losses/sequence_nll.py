"""Compute the negative log-likelihood of gold tag sequences among all legal sequences, and its gradient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from thinc.api import Ragged, get_array_module, to_numpy

from ..decoding.block_scan import marginals
from ..decoding.entity_scores import tag_probabilities
from ..decoding.tag_scheme import UNKNOWN, TagSet
from ..tokenization.alignment import first_subword_rows
from ..types import ArrayXd, Ints1d, TagLogits
from .cross_entropy import WeightedMean

_RULED_OUT = 1e-30
"""Weight of a tag other than the gold tag. It is above 0 so that an illegal gold sequence has a finite loss."""


def sequence_loss(
    output: Sequence[Ragged], targets: Sequence[Ints1d], tags: TagSet
) -> tuple[WeightedMean, list[Ragged]]:
    """Compute the negative log-likelihood -ln P(y) of the gold tag sequence y of each Doc.

        P(y) = exp Σ logits_i(y_i) / Σ over all legal y' of exp Σ logits_i(y'_i)

    The denominator contains only sequences that Viterbi decoding can return. The model therefore does not have to learn
    to avoid illegal sequences. This is a conditional random field (Lafferty et al. 2001) with hard constraints instead
    of learned transitions (Wei et al. 2021, https://arxiv.org/abs/2103.10682). A token without a known tag may have any
    tag.

    output (Sequence[Ragged]): model output, one `Ragged` per Doc. The first subword of each token represents the token.
        *Shape:* `(n_rows, n_tags)` each
    targets (Sequence[Ints1d]): tag ID of each row, or -1 if unknown, for each Doc. *Shape:* `(n_rows,)` each
    tags (TagSet): tags of the head.
    RETURNS (tuple[WeightedMean, list[Ragged]]): the loss in nats as a mean over the tokens with a known tag, and its
        gradient with the same shapes as `output`.
    """
    if not output:
        return WeightedMean(), []
    first_rows = [first_subword_rows(to_numpy(part.lengths))[1] for part in output]
    logits = np.concatenate([to_numpy(part.dataXd)[rows] for part, rows in zip(output, first_rows, strict=True)])
    tag_ids = np.concatenate([doc_targets[rows] for doc_targets, rows in zip(targets, first_rows, strict=True)])
    is_start = np.zeros(len(logits), dtype=bool)
    lengths = np.array([len(rows) for rows in first_rows])
    doc_starts = np.cumsum([0, *lengths[:-1]])
    is_start[doc_starts[lengths > 0]] = True
    loss, gradient = negative_log_likelihood(logits, tag_ids, is_start, tags)
    parts = []
    for part, rows, start in zip(output, first_rows, doc_starts, strict=True):
        xp = get_array_module(part.dataXd)
        d_rows = xp.zeros_like(part.dataXd)
        d_rows[xp.asarray(rows)] = xp.asarray(gradient[start : start + len(rows)])
        parts.append(Ragged(d_rows, part.lengths))
    return loss, parts


def negative_log_likelihood(
    logits: TagLogits, tag_ids: Ints1d, begins: ArrayXd, tags: TagSet
) -> tuple[WeightedMean, TagLogits]:
    """Compute the loss for concatenated sequences; see `sequence_loss`.

    logits (TagLogits): tag logits, one row per token. *Shape:* `(n_tokens, n_tags)`
    tag_ids (Ints1d): gold tag ID of each token, or -1 if unknown. *Shape:* `(n_tokens,)`
    begins (ArrayXd): whether each token is the first of a sequence. *Shape:* `(n_tokens,)`
    tags (TagSet): tags of the head.
    RETURNS (tuple[WeightedMean, TagLogits]): the loss in nats as a mean over the tokens with a known tag, and its
        gradient. *Shape:* `(n_tokens, n_tags)`
    """
    known = tag_ids != UNKNOWN
    n_known = int(known.sum())
    if not n_known:
        return WeightedMean(), np.zeros_like(logits)
    # The probabilities of each token sum to 1. This scaling multiplies both sums over sequences by the same factor.
    probabilities = tag_probabilities(logits)
    is_gold = np.arange(logits.shape[1]) == tag_ids[:, None]
    expected, log_total = marginals(probabilities, begins, tags)
    allowed = is_gold | ~known[:, None]
    gold, log_gold = marginals(np.where(allowed, probabilities, probabilities * _RULED_OUT), begins, tags)
    gradient: TagLogits = ((expected - gold) / n_known).astype(logits.dtype)
    return WeightedMean((log_total - log_gold) / n_known, n_known), gradient
