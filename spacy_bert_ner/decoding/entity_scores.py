"""Compute entity probabilities, and fit the temperature that calibrates them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..types import Doubles1d, DoublesXd, Entity, Ints1d, TagLogits
from .automaton import automaton_of
from .block_scan import LEAST, forward_backward, scaled
from .tag_scheme import TagSet

_LEAST_LOG = -100.0
"""Lowest log-probability of a tag, which keeps scaled sums within the floating-point range.

Lower log-probabilities are raised to this value.
"""


def entity_scores(
    logits: TagLogits,
    is_start: NDArray[np.bool_],
    entities: Sequence[Entity],
    tags: TagSet,
    temperature: float = 1.0,
) -> Doubles1d:
    """For each entity, compute the probability that exactly its tokens form one entity with its label.

        P(label, start, end) = Σ p(y) over legal y that contain exactly this entity / Σ p(y) over all legal y
        p(y) = Π p_i(y_i),  p_i = softmax(logits_i / temperature)

    Here, y is a legal tag sequence. Both sums use the forward-backward algorithm (Rabiner 1989,
    https://doi.org/10.1109/5.18626), as Culotta & McCallum (2004, https://aclanthology.org/N04-4028) do for conditional
    random fields. Sequences are independent, so sequences without entities are skipped.

    logits: tag logits, one row per token. *Shape:* `(n_tokens, n_tags)`
    is_start: whether each token is the first of a sequence. *Shape:* `(n_tokens,)`
    entities (Sequence[Entity]): entities in text order. No entity may cross the start of a sequence.
    tags (TagSet): the tags of the logit columns and their rules.
    temperature (float): divisor of the logits. Values above 1 flatten the distributions, and values below 1 sharpen
        them. Default: 1.
    RETURNS: probability of each entity, from 0 to 1. *Shape:* `(n_entities,)`
    """
    if not entities:
        return np.zeros(0)
    starts = np.array([entity.start for entity in entities])
    lasts = np.array([entity.end - 1 for entity in entities])
    labels = np.array([tags.labels.index(entity.label) for entity in entities])
    sequence = np.cumsum(is_start) - 1
    has_entity = np.zeros(len(is_start), dtype=bool)  # per sequence, with space for one sequence per token
    has_entity[sequence[starts]] = True
    needed = has_entity[sequence]
    row = np.cumsum(needed) - 1
    return _scores(logits[needed], is_start[needed], row[starts], row[lasts], labels, tags, temperature)


def _scores(
    logits: TagLogits,
    is_start: NDArray[np.bool_],
    starts: Ints1d,
    lasts: Ints1d,
    labels: Ints1d,
    tags: TagSet,
    temperature: float,
) -> Doubles1d:
    automaton = automaton_of(tags)
    into, continues = automaton.into().astype(np.float64), automaton.continues.astype(np.float64)
    probabilities = tag_probabilities(logits, temperature)
    sums = forward_backward(probabilities, is_start, tags)
    opens = automaton.allowed & ~automaton.continues  # tags that do not continue the open entity

    # First token: multiply the sums over all tokens before it by each tag that starts an entity with the label.
    before = sums.alpha[starts]
    reaching = np.where(is_start[starts, None], before @ automaton.allowed_first, before @ opens)
    first = reaching * probabilities[starts] * (tags.label_ids == labels[:, None] + 1)  # (n_entities, n_tags)
    entity, log_entity = scaled(first @ into, axis=1)  # (n_entities, n_states)
    log_entity += sums.log_alpha[starts]

    # Inner tokens: take one step per token of the longest entity, for all entities at once.
    for step in range(1, int((lasts - starts).max()) + 1):
        longer = np.flatnonzero(starts + step <= lasts)
        inside = (entity[longer] @ continues) * probabilities[starts[longer] + step]
        entity[longer], log_factors = scaled(inside @ into, axis=1)
        log_entity[longer] += log_factors

    # Next token: multiply by the tags that do not continue the entity, unless the chain ends.
    at_end = lasts == len(probabilities) - 1
    nexts = np.where(at_end, lasts, lasts + 1)
    following = probabilities[nexts] * sums.beta[nexts][:, automaton.state_of_tag]  # (n_entities, n_tags)
    after = np.where(is_start[nexts, None], following @ automaton.allowed_first.T, following @ opens.T)
    after[at_end] = automaton.final_states
    log_after = np.where(at_end, 0.0, sums.log_beta[nexts])
    total = (entity * after).sum(axis=1)
    log_score = np.log(np.maximum(total, LEAST)) + log_entity + log_after - sums.log_total
    scores: Doubles1d = np.exp(np.minimum(log_score, 0.0))
    return scores


def fit_temperature(score_at: Callable[[float], Doubles1d], correct: NDArray[np.bool_]) -> float:
    """Fit the temperature that maximizes the likelihood of the verdicts in `correct` on held-out entities.

    This is temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599) based on the likelihood of entities
    instead of tokens. A golden-section search between 1/20 and 20 on a logarithmic scale finds the temperature.

    score_at (Callable): function that returns the scores of all entities at a temperature. *Shape:* `(n_entities,)`
    correct: whether each entity is correct. It must contain both True and False. *Shape:* `(n_entities,)`
    RETURNS (float): the temperature.
    """

    def loss(log_temperature: float) -> float:
        scores = np.clip(score_at(float(np.exp(log_temperature))), 1e-12, 1 - 1e-12)
        return -float(np.where(correct, np.log(scores), np.log1p(-scores)).mean())

    low, high = -float(np.log(20)), float(np.log(20))
    ratio = (5**0.5 - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > 1e-3:
        if at_left < at_right:  # if all scores are clipped, both losses are equal, and the search moves up
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = loss(right)
    return float(np.exp((low + high) / 2))


def tag_probabilities(logits: TagLogits, temperature: float = 1.0) -> DoublesXd:
    """Compute the softmax of each token's logits in double precision.

    All results are above 0, as `block_scan.forward_backward` requires.

    logits: tag logits, one row per token. *Shape:* `(n_tokens, n_tags)`
    temperature (float): divisor of the logits. Default: 1.
    RETURNS: probabilities. *Shape:* `(n_tokens, n_tags)`
    """
    log_probabilities = logits.astype(np.float64) / temperature
    log_probabilities -= log_probabilities.max(axis=1, keepdims=True)
    log_probabilities -= np.log(np.exp(log_probabilities).sum(axis=1, keepdims=True))
    return np.exp(np.maximum(log_probabilities, _LEAST_LOG))
