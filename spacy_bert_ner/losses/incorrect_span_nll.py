"""Compute the loss, and its gradient, for spans that are known not to be entities with a given label."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..decoding.automaton import automaton_of
from ..decoding.block_scan import LEAST, marginals, scaled
from ..decoding.entity_scores import tag_probabilities
from ..decoding.tag_scheme import TagSet
from ..types import Doubles1d, DoublesXd, Entity, Ints2d, TagLogits

_MOST = 1 - 1e-10
"""Upper limit for a span's probability in the loss, which would be infinite at 1."""
_MOST_CELLS = 1 << 22
"""Maximum number of values in an array for several spans (32 MiB). More spans are processed in several groups."""
_FREE, _FIRST, _INSIDE, _AFTER = range(4)
"""Token rules; see `_constrained_marginals`."""


def negative_loss(logits: TagLogits, spans: Sequence[Entity], tags: TagSet) -> tuple[Doubles1d, TagLogits]:
    """Compute the loss -ln(1 - P(span)) for each span. Minimizing it makes the spans less probable as entities.

    P(span) is the probability that exactly these tokens are one entity with this label; see
    `entity_scores.entity_scores`. Let s be the span, and E the expected number of times that a token has a tag:

        ∂ -ln(1 - P(s)) / ∂ logits  =  P(s) / (1 - P(s)) · (E[tags | s] - E[tags])

    Gradient descent thus moves probability from the sequences that contain the span to all other sequences. Each of the
    other sequences receives a share in proportion to its probability.

    logits (TagLogits): logits for one non-empty sequence, one row per token. *Shape:* `(n_tokens, n_tags)`
    spans (Sequence[Entity]): one or more spans, with token indices in the sequence and labels in `tags`. Spans may
        overlap.
    tags (TagSet): tags of the head.
    RETURNS (tuple[Doubles1d, TagLogits]): the loss for each span in nats, *Shape:* `(n_spans,)`, and the gradient of
        their sum, *Shape:* `(n_tokens, n_tags)`.
    """
    probabilities = tag_probabilities(logits)
    expected, log_total = marginals(probabilities, np.arange(len(logits)) == 0, tags)
    gradient, span_probabilities = np.zeros_like(probabilities), []
    group_size = max(1, _MOST_CELLS // probabilities.size)
    for i in range(0, len(spans), group_size):
        expected_given_span, log_span = _constrained_marginals(probabilities, spans[i : i + group_size], tags)
        p_span = np.minimum(np.exp(log_span - log_total), _MOST)
        gradient += np.tensordot(p_span / (1 - p_span), expected_given_span - expected, axes=1)
        span_probabilities.append(p_span)
    return -np.log1p(-np.concatenate(span_probabilities)), gradient.astype(logits.dtype)


def _constrained_marginals(
    probabilities: DoublesXd, spans: Sequence[Entity], tags: TagSet
) -> tuple[DoublesXd, Doubles1d]:
    """For each span, sum the probabilities of the legal sequences in which the span is exactly one entity.

        span   per, tokens 2 to 3         each token has a rule that restricts its tag
        token  0     1     2      3       4         5
        rule   free  free  first  inside  after     free

    A *first* tag begins an entity with the span's label. An *inside* tag continues the entity. An *after* tag does not
    continue it. A *free* tag may be any legal tag.

    probabilities: probability of each tag for each token. *Shape:* `(n_tokens, n_tags)`
    RETURNS: each tag's share of the sum at each token, *Shape:* `(n_spans, n_tokens, n_tags)`, and the logarithm of the
        sum, *Shape:* `(n_spans,)`.
    """
    states = automaton_of(tags)
    into = states.into().astype(np.float64)
    opens = states.allowed & ~states.continues
    transitions = np.stack([states.allowed, opens, states.continues, opens])  # (n_rules, n_states, n_tags)
    transitions = transitions.astype(np.float64)
    rules = _rules(spans, len(probabilities))
    labels = np.array([tags.labels.index(span.label) for span in spans])
    has_label = tags.label_ids == labels[:, None] + 1  # (n_spans, n_tags)
    weights = np.where((rules == _FIRST)[:, :, None] & ~has_label[:, None], 0.0, probabilities)

    # The forward pass computes the weight of all tokens before each tag, the backward pass that of all tokens after it.
    state = np.zeros((len(spans), states.n))
    state[:, states.start] = 1.0
    log_sum = np.zeros(len(spans))
    shares = np.empty(weights.shape)
    for i, rule in enumerate(rules.T):
        shares[:, i] = weights[:, i] * _step(state, transitions, rule)
        state, log_scale = scaled(shares[:, i] @ into, axis=1)
        log_sum += log_scale
    log_sum += np.log(np.maximum(state @ states.final_states, LEAST))
    after = np.repeat(states.final_states[None].astype(np.float64), len(spans), axis=0)
    for i, rule in reversed(list(enumerate(rules.T))):
        following = after[:, states.state_of_tag]
        shares[:, i] *= following
        after, _ = scaled(_step(weights[:, i] * following, transitions.transpose(0, 2, 1), rule), axis=1)
    return shares / np.maximum(shares.sum(axis=2, keepdims=True), LEAST), log_sum


def _rules(spans: Sequence[Entity], n_tokens: int) -> Ints2d:
    """Return each token's rule for each span. *Shape:* `(n_spans, n_tokens)`"""
    rules = np.full((len(spans), n_tokens), _FREE)
    for span_rules, (_, start, end) in zip(rules, spans, strict=True):
        span_rules[start:end] = _INSIDE
        span_rules[start] = _FIRST
        span_rules[end : end + 1] = _AFTER
    return rules


def _step(vectors: DoublesXd, transitions: DoublesXd, rules: Ints2d) -> DoublesXd:
    """Multiply the vector for each span by the matrix for its rule. *Shape:* `(n_spans, n)`"""
    product = np.empty((len(vectors), transitions.shape[2]))
    for rule in np.unique(rules):
        has_rule = rules == rule
        product[has_rule] = vectors[has_rule] @ transitions[rule]
    return product
