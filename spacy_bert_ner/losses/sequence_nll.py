"""The likelihood of whole tag sequences among those that the scheme allows: value and gradient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from thinc.api import Ragged, get_array_module, to_numpy

from ..decoding.block_scan import marginals
from ..decoding.entity_scores import tag_probabilities
from ..decoding.tag_scheme import UNKNOWN, TagSet
from ..tokenization.alignment import first_subword_rows
from ..types import ArrayXd, Floats2d, Ints1d
from .cross_entropy import WeightedMean

_RULED_OUT = 1e-30
"""Weight of a tag that is not the gold one. Not 0: gold tags that are no legal sequence have a loss all the same."""


def sequence_loss(
    output: Sequence[Ragged], targets: Sequence[Ints1d], tags: TagSet
) -> tuple[WeightedMean, list[Ragged]]:
    """Mean loss over the tokens with a known tag: what makes the gold sequence of each Doc likely.

        P(y) = exp Σ logits_i(y_i) / Σ over all legal y' of exp Σ logits_i(y'_i)

    The denominator holds those sequences alone that Viterbi decoding can choose, so that nothing is learned to rule out
    what the rules rule out. It is a conditional random field (Lafferty et al. 2001) whose transitions are not learned
    but given: allowed or not (Wei et al. 2021, https://arxiv.org/abs/2103.10682). Tokens without a known tag may have
    any.

    output: the model's, one part a Doc. A token is read from its first subword.
    targets: the tag id of each row of each Doc, -1 where unknown. *Shape:* `(n_rows,)` each
    RETURNS: the loss in nats, and its gradient in the shape of `output`.
    """
    if not output:
        return WeightedMean(), []
    rows = [first_subword_rows(to_numpy(part.lengths))[1] for part in output]
    logits = np.concatenate([to_numpy(part.dataXd)[own] for part, own in zip(output, rows, strict=True)])
    tag_ids = np.concatenate([own_targets[own] for own_targets, own in zip(targets, rows, strict=True)])
    begins = np.zeros(len(logits), dtype=bool)
    lengths = np.array([len(own) for own in rows])
    firsts = np.cumsum([0, *lengths[:-1]])
    begins[firsts[lengths > 0]] = True
    loss, gradient = negative_log_likelihood(logits, tag_ids, begins, tags)
    parts = []
    for part, own, first in zip(output, rows, firsts, strict=True):
        xp = get_array_module(part.dataXd)
        d_rows = xp.zeros_like(part.dataXd)
        d_rows[xp.asarray(own)] = xp.asarray(gradient[first : first + len(own)])
        parts.append(Ragged(d_rows, part.lengths))
    return loss, parts


def negative_log_likelihood(
    logits: Floats2d, tag_ids: Ints1d, begins: ArrayXd, tags: TagSet
) -> tuple[WeightedMean, Floats2d]:
    """See `sequence_loss`; of sequences that stand one after the other.

    logits: one row a token. *Shape:* `(n_tokens, n_tags)`
    tag_ids: the gold tag of each token, -1 where unknown. *Shape:* `(n_tokens,)`
    begins: whether a token is the first of a sequence. *Shape:* `(n_tokens,)`
    RETURNS: the loss in nats, the mean over the tokens with a known tag, and its gradient. *Shape:* as `logits`
    """
    known = tag_ids != UNKNOWN
    n_known = int(known.sum())
    if not n_known:
        return WeightedMean(), np.zeros_like(logits)
    # Scaled to the sum 1 for each token, which changes both sums by the same factor.
    probabilities = tag_probabilities(logits)
    is_gold = np.arange(logits.shape[1]) == tag_ids[:, None]
    expected, log_total = marginals(probabilities, begins, tags)
    allowed = is_gold | ~known[:, None]
    gold, log_gold = marginals(np.where(allowed, probabilities, probabilities * _RULED_OUT), begins, tags)
    gradient: Floats2d = ((expected - gold) / n_known).astype(logits.dtype)
    return WeightedMean((log_total - log_gold) / n_known, n_known), gradient
