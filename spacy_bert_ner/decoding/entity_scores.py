"""The probability of an entity, and the temperature that makes probabilities honest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..types import Entity, Floats1d, Floats2d, Ints1d
from .lattice import LEAST, automaton_of, forward_backward, scaled
from .tag_scheme import TagSet

_LEAST_LOG = -100.0
"""Least log-probability of a tag, which keeps the scaled sums within floating point. A logit that is more than 100
below the highest of its token counts as 100 below it."""


def entity_scores(
    logits: Floats2d,
    begins: NDArray[np.bool_],
    entities: Sequence[Entity],
    tags: TagSet,
    temperature: float = 1.0,
) -> Floats1d:
    """The probability of each entity: that these tokens, no more and no fewer, are one entity of this label.

        P(label, start, end) = Σ p(y) over legal y that hold exactly this entity / Σ p(y) over all legal y
        p(y) = Π p_i(y_i),  p_i = softmax(logits_i / temperature)

    y runs over the sequences of tags that the scheme allows; both sums are taken by the forward-backward algorithm
    (Rabiner 1989, https://doi.org/10.1109/5.18626), as Culotta & McCallum (2004, https://aclanthology.org/N04-4028) do
    for conditional random fields. Sequences are independent, so one without an entity costs nothing.

    logits: one row a token. *Shape:* `(n_tokens, n_tags)`
    begins: whether a token is the first of a sequence. *Shape:* `(n_tokens,)`
    entities: in the order of the text, none of them across the beginning of a sequence.
    temperature (float): above 1 flattens the distributions, below 1 sharpens them.
    RETURNS: *Shape:* `(n_entities,)`, each from 0 to 1
    """
    if not entities:
        return np.zeros(0)
    starts = np.array([entity.start for entity in entities])
    lasts = np.array([entity.end - 1 for entity in entities])
    labels = np.array([tags.labels.index(entity.label) for entity in entities])
    sequence = np.cumsum(begins) - 1
    holds = np.zeros(len(begins), dtype=bool)  # of each sequence, of which there are no more than tokens
    holds[sequence[starts]] = True
    needed = holds[sequence]
    place = np.cumsum(needed) - 1
    return _scores(logits[needed], begins[needed], place[starts], place[lasts], labels, tags, temperature)


def _scores(
    logits: Floats2d,
    begins: NDArray[np.bool_],
    starts: Ints1d,
    lasts: Ints1d,
    labels: Ints1d,
    tags: TagSet,
    temperature: float,
) -> Floats1d:
    states = automaton_of(tags)
    into, goes_on = states.into().astype(np.float64), states.continues.astype(np.float64)
    probabilities = tag_probabilities(logits, temperature)
    sums = forward_backward(probabilities, begins, tags)
    opens = states.allowed & ~states.continues  # tags that begin something new

    # The first tag: all that was before, then a tag of the label that begins something.
    before = sums.alpha[starts]
    room = np.where(begins[starts, None], before @ states.allowed_first, before @ opens)  # (n_entities, n_tags)
    first = room * probabilities[starts] * (tags.label_ids == labels[:, None] + 1)
    entity, log_entity = scaled(first @ into, axis=1)  # (n_entities, n_states)
    log_entity += sums.log_alpha[starts]

    # The tags that go on: a step for each token of the longest entity, in all entities at once.
    for step in range(1, int((lasts - starts).max()) + 1):
        longer = np.flatnonzero(starts + step <= lasts)
        further = (entity[longer] @ goes_on) * probabilities[starts[longer] + step]
        entity[longer], more = scaled(further @ into, axis=1)
        log_entity[longer] += more

    # After it: something new, or the end of the chain.
    at_end = lasts == len(probabilities) - 1
    nexts = np.where(at_end, lasts, lasts + 1)
    following = probabilities[nexts] * sums.beta[nexts][:, states.state_of_tag]  # (n_entities, n_tags)
    new = np.where(begins[nexts, None], following @ states.allowed_first.T, following @ opens.T)
    new[at_end] = states.final_states
    log_new = np.where(at_end, 0.0, sums.log_beta[nexts])
    held = (entity * new).sum(axis=1)
    log_score = np.log(np.maximum(held, LEAST)) + log_entity + log_new - sums.log_total
    scores: Floats1d = np.exp(np.minimum(log_score, 0.0))
    return scores


def fit_temperature(score_at: Callable[[float], Floats1d], correct: NDArray[np.bool_]) -> float:
    """The temperature at which the scores of held-out entities are most likely, given which of them are right.

    Temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599), with the likelihood of whole entities in
    place of that of tokens. Found by golden-section search between 1/20 and 20 on a logarithmic scale.

    score_at: the scores of all entities at a temperature. *Shape:* `(n_entities,)`
    correct: whether each of them is right; at least one is and one is not. *Shape:* `(n_entities,)`
    """

    def loss(log_temperature: float) -> float:
        scores = np.clip(score_at(float(np.exp(log_temperature))), 1e-12, 1 - 1e-12)
        return -float(np.where(correct, np.log(scores), np.log1p(-scores)).mean())

    low, high = -float(np.log(20)), float(np.log(20))
    ratio = (5**0.5 - 1) / 2
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > 1e-3:
        if at_left < at_right:  # where all scores are clipped, the two are equal and the way out is up
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = loss(right)
    return float(np.exp((low + high) / 2))


def tag_probabilities(logits: Floats2d, temperature: float = 1.0) -> NDArray[np.float64]:
    """The softmax of each token's logits, in double precision and above 0, as `lattice.forward_backward` asks.

    logits: *Shape:* `(n_tokens, n_tags)`. RETURNS: the same shape.
    """
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    scaled -= np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    return np.exp(np.maximum(scaled, _LEAST_LOG))
