"""The loss of spans that are known to be no entity of a label: value and gradient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..decoding.automaton import automaton_of
from ..decoding.block_scan import LEAST, Doubles, marginals, scaled
from ..decoding.entity_scores import tag_probabilities
from ..decoding.tag_scheme import TagSet
from ..types import Entity, Floats1d, Floats2d, Ints2d

_MOST = 1 - 1e-10
"""Highest probability of a span in its loss, which would be infinite at 1."""
_MOST_CELLS = 1 << 22
"""Most numbers in an array of several spans (32 MiB); of more spans, some are taken at a time."""
_FREE, _FIRST, _INSIDE, _BEHIND = range(4)


def negative_loss(logits: Floats2d, spans: Sequence[Entity], tags: TagSet) -> tuple[Floats1d, Floats2d]:
    """Make spans unlikely as entities: -ln(1 - P(span)) of each.

    P(span) is the probability that these tokens, no more and no fewer, are one entity of this label; see
    `entity_scores.entity_scores`. With s for the span, and E for the expected number of times that a token has a tag,

        ∂ -ln(1 - P(s)) / ∂ logits  =  P(s) / (1 - P(s)) · (E[tags | s] - E[tags])

    So mass goes from the sequences that hold the span to all others, in proportion to their own probabilities.

    logits: of one sequence, a row a token. *Shape:* `(n_tokens, n_tags)`, at least one token
    spans: in tokens of the sequence, of labels in `tags`; they may overlap. At least one.
    RETURNS: the loss of each span in nats; the gradient of their sum. *Shape:* `(n_spans,)`, and as `logits`
    """
    probabilities = tag_probabilities(logits)
    expected, log_total = marginals(probabilities, np.arange(len(logits)) == 0, tags)
    gradient, shares = np.zeros_like(probabilities), []
    n_together = max(1, _MOST_CELLS // probabilities.size)
    for i in range(0, len(spans), n_together):
        expected_held, log_held = _held(probabilities, spans[i : i + n_together], tags)
        share = np.minimum(np.exp(log_held - log_total), _MOST)
        gradient += np.tensordot(share / (1 - share), expected_held - expected, axes=1)
        shares.append(share)
    return -np.log1p(-np.concatenate(shares)), gradient.astype(logits.dtype)


def _held(probabilities: Doubles, spans: Sequence[Entity], tags: TagSet) -> tuple[Doubles, Floats1d]:
    """Sum over the legal sequences that hold a span as exactly one entity, for each span.

        span   per, tokens 2 to 3         each token has a rule, by what comes before it
        token  0     1     2      3       4         5
        rule   free  free  first  inside  behind    free

    *first* begins something new, of this label; *inside* goes on with the entity; *behind* does not go on with it.

    probabilities: of each tag for each token. *Shape:* `(n_tokens, n_tags)`
    RETURNS: the share of each tag of each token in the sum, and its logarithm.
        *Shape:* `(n_spans, n_tokens, n_tags)`, `(n_spans,)`
    """
    states = automaton_of(tags)
    into = states.into().astype(np.float64)
    opens = states.allowed & ~states.continues
    ways = np.stack([states.allowed, opens, states.continues, opens]).astype(np.float64)  # (n_rules, n_states, n_tags)
    rules = _rules(spans, len(probabilities))
    labels = np.array([tags.labels.index(span.label) for span in spans])
    of_label = tags.label_ids == labels[:, None] + 1  # (n_spans, n_tags)
    weights = np.where((rules == _FIRST)[:, :, None] & ~of_label[:, None], 0.0, probabilities)

    # From the first token on: what each tag can build on. Then from the last one back: what can come after it.
    state = np.zeros((len(spans), states.n))
    state[:, states.start] = 1.0
    log_sum = np.zeros(len(spans))
    shares = np.empty(weights.shape)
    for i, rule in enumerate(rules.T):
        shares[:, i] = weights[:, i] * _step(state, ways, rule)
        state, more = scaled(shares[:, i] @ into, axis=1)
        log_sum += more
    log_sum += np.log(np.maximum(state @ states.final_states, LEAST))
    after = np.repeat(states.final_states[None].astype(np.float64), len(spans), axis=0)
    for i, rule in reversed(list(enumerate(rules.T))):
        following = after[:, states.state_of_tag]
        shares[:, i] *= following
        after, _ = scaled(_step(weights[:, i] * following, ways.transpose(0, 2, 1), rule), axis=1)
    return shares / np.maximum(shares.sum(axis=2, keepdims=True), LEAST), log_sum


def _rules(spans: Sequence[Entity], n_tokens: int) -> Ints2d:
    """The rule of each token for each span. *Shape:* `(n_spans, n_tokens)`"""
    rules = np.full((len(spans), n_tokens), _FREE)
    for own, (_, start, end) in zip(rules, spans, strict=True):
        own[start:end] = _INSIDE
        own[start] = _FIRST
        own[end : end + 1] = _BEHIND
    return rules


def _step(vectors: Doubles, ways: Doubles, rule: Ints2d) -> Doubles:
    """Multiply the vector of each span by the matrix of its rule. *Shape:* `(n_spans, n)`"""
    product = np.empty((len(vectors), ways.shape[2]))
    for one in np.unique(rule):
        own = rule == one
        product[own] = vectors[own] @ ways[one]
    return product
