"""Compare the loss for incorrect spans with an enumeration of all legal sequences."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tag_sets import TAG_SETS, legal_sequences

from spacy_bert_ner.decoding.entity_scores import entity_scores
from spacy_bert_ner.decoding.tag_scheme import build_tag_set, tags_of_labels
from spacy_bert_ner.losses.incorrect_span_nll import negative_loss
from spacy_bert_ner.types import Entity

pytestmark = pytest.mark.parity

IOB2 = build_tag_set(tags_of_labels(["a"]), "IOB2")  # O, B-a, I-a
WITH_LABELS = {name: tags for name, tags in TAG_SETS.items() if tags.labels}
every_tag_set = pytest.mark.parametrize("tags", WITH_LABELS.values(), ids=WITH_LABELS)


def begins(n):
    return np.arange(n) == 0


def by_list(logits, spans, tags):
    """Compute the same loss with autograd over all legal sequences."""
    scores = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    first = begins(len(logits))
    paths = legal_sequences(tags, tuple(first))
    sums = torch.stack([sum(scores[i, tag] for i, tag in enumerate(path)) for path in paths])
    entities = [list(tags.entities(np.array(path), first)) for path in paths]
    losses = []
    for span in spans:
        others = torch.tensor([span not in found for found in entities])
        losses.append(torch.logsumexp(sums, 0) - torch.logsumexp(sums[others], 0))
    sum(losses).backward()
    return [loss.item() for loss in losses], scores.grad.numpy()


def test_two_tokens_by_hand():
    # The legal sequences O O, O B, B O, B B and B I each have weight 1. Only B I contains both tokens as one entity.
    losses, gradient = negative_loss(np.zeros((2, 3)), [Entity("a", 0, 2)], IOB2)
    np.testing.assert_allclose(losses, [-np.log(4 / 5)])
    held, all_five = np.array([[0, 1, 0], [0, 0, 1]]), np.array([[2 / 5, 3 / 5, 0], [2 / 5, 2 / 5, 1 / 5]])
    np.testing.assert_allclose(gradient, (1 / 5) / (4 / 5) * (held - all_five), atol=1e-12)


@every_tag_set
@given(data=st.data())
def test_value_and_gradient_are_those_over_all_legal_sequences(tags, data):
    n, rng = data.draw(st.integers(1, 4)), np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    logits = rng.normal(0, 3, size=(n, len(tags.tags)))
    places = [Entity(label, s, e) for label in tags.labels for s in range(n) for e in range(s + 1, n + 1)]
    spans = data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3, unique=True))
    losses, gradient = negative_loss(logits, spans, tags)
    expected, wanted = by_list(logits, spans, tags)
    np.testing.assert_allclose(losses, expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(gradient, wanted, atol=1e-6)
    scores = [entity_scores(logits, begins(n), [span], tags)[0] for span in spans]
    np.testing.assert_allclose(1 - np.exp(-losses), scores, atol=1e-9)


def test_the_gradient_is_the_slope_of_the_loss():
    logits = np.random.default_rng(1).normal(size=(5, 3))
    spans = [Entity("a", 1, 3), Entity("a", 2, 3)]
    _, gradient = negative_loss(logits, spans, IOB2)
    for i, j in np.ndindex(logits.shape):
        step = np.zeros(logits.shape)
        step[i, j] = 1e-5
        up, down = (negative_loss(logits + sign * step, spans, IOB2)[0].sum() for sign in (1, -1))
        assert gradient[i, j] == pytest.approx((up - down) / 2e-5, abs=1e-8)


def test_many_spans_are_taken_some_at_a_time(monkeypatch):
    logits = np.random.default_rng(1).normal(size=(5, 3))
    spans = [Entity("a", start, end) for start in range(5) for end in range(start + 1, 6)]
    together = negative_loss(logits, spans, IOB2)
    monkeypatch.setattr("spacy_bert_ner.losses.incorrect_span_nll._MOST_CELLS", 60)  # four spans of 15 numbers each
    for own, expected in zip(negative_loss(logits, spans, IOB2), together, strict=True):
        np.testing.assert_allclose(own, expected, atol=1e-12)


@pytest.mark.parametrize("gap", [15.0, 40.0, 500.0])
def test_a_span_that_is_nearly_certain_has_a_finite_loss(gap):
    logits = np.zeros((3, 3), dtype="f")
    logits[0, 0] = logits[1, 1] = logits[2, 0] = gap
    losses, gradient = negative_loss(logits, [Entity("a", 1, 2)], IOB2)
    assert np.isfinite(gradient).all()
    if gap == 15:  # the sequences adjacent to O B O are O O O and O B I
        assert losses[0] == pytest.approx(15 - np.log(2), abs=1e-5)
        np.testing.assert_allclose(gradient, [[0, 0, 0], [-0.5, 0.5, 0], [0.5, 0, -0.5]], atol=1e-5)
    else:
        assert losses[0] == pytest.approx(-np.log(1e-10), rel=1e-6)


def test_what_no_sequence_can_hold_has_no_loss():
    tags = build_tag_set(("O", "B-a", "B-b", "I-b"), "IOB2")  # without I-a
    losses, gradient = negative_loss(np.zeros((2, 4)), [Entity("a", 0, 2)], tags)
    np.testing.assert_allclose(losses, [0.0], atol=1e-12)
    np.testing.assert_allclose(gradient, 0, atol=1e-12)
