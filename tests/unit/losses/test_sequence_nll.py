"""Compare the sequence loss with an enumeration of all legal sequences."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tag_sets import chains, every_tag_set, legal_sequences
from thinc.api import Ragged

from spacy_bert_ner.decoding.tag_scheme import build_tag_set, tags_of_labels
from spacy_bert_ner.losses.cross_entropy import cross_entropy
from spacy_bert_ner.losses.sequence_nll import negative_log_likelihood, sequence_loss

pytestmark = pytest.mark.parity

IOB2 = build_tag_set(tags_of_labels(["a"]), "IOB2")  # O, B-a, I-a


def test_two_tokens_by_hand():
    # If all logits are 0, the legal sequences O O, O B, B O, B B and B I each have weight 1. The gold sequence is B I.
    loss, gradient = negative_log_likelihood(np.zeros((2, 3), "f"), np.array([1, 2]), np.array([True, False]), IOB2)
    assert loss == pytest.approx(np.log(5) / 2)
    assert loss.weight == 2
    np.testing.assert_allclose(gradient, np.array([[2 / 5, 3 / 5 - 1, 0], [2 / 5, 2 / 5, 1 / 5 - 1]]) / 2, atol=1e-7)


def by_list(logits, tag_ids, begins, tags):
    """Compute the same loss with autograd over all legal sequences."""
    scores = torch.tensor(logits, requires_grad=True)
    paths = legal_sequences(tags, tuple(begins))
    sums = torch.stack([sum(scores[i, tag] for i, tag in enumerate(path)) for path in paths])
    gold = [all(want in (-1, tag) for want, tag in zip(tag_ids, path, strict=True)) for path in paths]
    loss = (torch.logsumexp(sums, 0) - torch.logsumexp(sums[torch.tensor(gold)], 0)) / sum(t >= 0 for t in tag_ids)
    loss.backward()
    return loss.item(), scores.grad.numpy()


@every_tag_set
@given(data=st.data())
def test_value_and_gradient_are_those_over_all_legal_sequences(tags, data):
    logits, begins = data.draw(chains(len(tags.tags)))
    gold = data.draw(st.sampled_from(legal_sequences(tags, begins)))
    unknown = data.draw(st.lists(st.booleans(), min_size=len(gold), max_size=len(gold)))
    tag_ids = np.array([-1 if hidden else tag for tag, hidden in zip(gold, unknown, strict=True)])
    loss, gradient = negative_log_likelihood(logits, tag_ids, np.array(begins), tags)
    if all(unknown):
        assert (loss, loss.weight, gradient.any()) == (0, 0, False)
        return
    expected, wanted = by_list(logits, tag_ids, begins, tags)
    assert loss == pytest.approx(expected, rel=1e-6, abs=1e-9)
    np.testing.assert_allclose(gradient, wanted, atol=1e-9)


def test_without_rules_it_is_the_cross_entropy():
    tags = build_tag_set(("O", "x", "y"), "plain")
    logits = np.random.default_rng(0).normal(0, 3, size=(5, 3)).astype("f")
    tag_ids = np.array([0, 2, -1, 1, 1])
    loss, gradient = negative_log_likelihood(logits, tag_ids, np.array([True, False, False, True, False]), tags)
    expected, wanted = cross_entropy(logits, tag_ids)
    assert loss == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(gradient, wanted, atol=1e-7)


def test_an_illegal_gold_sequence_has_a_finite_loss():
    logits = np.full((3, 3), -500.0, "f")
    logits[:, 0] = 500
    loss, gradient = negative_log_likelihood(logits, np.array([2, 0, 2]), np.array([True, False, False]), IOB2)
    assert 0 < loss < 1000
    assert np.isfinite(gradient).all()


def test_docs_are_sequences_of_first_subwords():
    """Test that a token's second subword has no gradient, and that white space and Docs without tokens are skipped."""
    rows = np.random.default_rng(0).normal(size=(5, 3)).astype("f")
    output = [
        Ragged(rows[:3], np.array([2, 0, 1])),
        Ragged(rows[:0], np.array([], dtype=int)),
        Ragged(rows[3:], np.array([1, 1])),
    ]
    targets = [np.array([1, -1, 2]), np.array([], dtype=int), np.array([0, 1])]
    loss, gradient = sequence_loss(output, targets, IOB2)
    begins = np.array([True, False, True, False])
    expected, wanted = negative_log_likelihood(rows[[0, 2, 3, 4]], np.array([1, 2, 0, 1]), begins, IOB2)
    assert (loss, loss.weight) == (expected, 4)
    assert [part.lengths.tolist() for part in gradient] == [[2, 0, 1], [], [1, 1]]
    found = np.concatenate([part.dataXd for part in gradient])
    assert found[1].tolist() == [0, 0, 0]
    np.testing.assert_array_equal(found[[0, 2, 3, 4]], wanted)


def test_nothing_has_no_loss():
    assert sequence_loss([], [], IOB2) == (0, [])
