import copy

import numpy as np
import pytest
import srsly
import torch
from thinc.api import Ragged

from spacy_bert_ner.losses.cross_entropy import WeightedMean, cross_entropy, distillation, tag_loss


def test_value_and_gradient_of_one_row_by_hand():
    # p = (1/4, 3/4), so the loss is -ln(1/4).
    loss, gradient = cross_entropy(np.log(np.array([[1, 3]], dtype="f")), np.array([0]))
    assert loss == pytest.approx(1.3862944)
    np.testing.assert_allclose(gradient, [[-0.75, 0.75]], rtol=1e-6)


def test_equals_torch_with_unknown_rows_left_out():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(7, 5)).astype("f") * 10
    tag_ids = np.array([0, -1, 4, 2, -1, 1, 1])
    expected = torch.tensor(logits, requires_grad=True)
    value = torch.nn.functional.cross_entropy(expected, torch.tensor(tag_ids), ignore_index=-1)
    value.backward()
    loss, gradient = cross_entropy(logits, tag_ids)
    assert loss == pytest.approx(value.item(), rel=1e-6)
    assert loss.weight == 5
    np.testing.assert_allclose(gradient, expected.grad.numpy(), atol=1e-7)


TARGETS = np.array([0, -1, 4, 2, -1, 1, 1])
WEIGHTS = np.array([0.25, 3.0, 1.0, 7.0, 0.5])


def drawn():
    return np.random.default_rng(0).normal(size=(7, 5)).astype("f") * 3


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_weights_and_smoothing_are_those_of_torch(weights, smoothing):
    expected = torch.tensor(drawn(), requires_grad=True)
    w = None if weights is None else torch.tensor(weights, dtype=torch.float32)
    value = torch.nn.CrossEntropyLoss(w, ignore_index=-1, label_smoothing=smoothing)(expected, torch.tensor(TARGETS))
    value.backward()
    loss, gradient = cross_entropy(drawn(), TARGETS, weights, label_smoothing=smoothing)
    assert loss == pytest.approx(value.item(), rel=1e-6)
    assert loss.weight == (5 if weights is None else 0.25 + 0.5 + 1.0 + 3.0 + 3.0)
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, expected.grad.numpy(), atol=1e-7)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 5.0])
def test_the_focal_loss_is_that_of_autograd(weights, gamma):
    logits, known = torch.tensor(drawn(), requires_grad=True), TARGETS >= 0
    gold = torch.tensor(TARGETS[known])
    log_p = torch.log_softmax(logits[known], dim=1)[torch.arange(5), gold]
    alpha = torch.ones(5) if weights is None else torch.tensor(weights, dtype=torch.float32)
    value = (alpha[gold] * (1 - log_p.exp()) ** gamma * -log_p).sum() / alpha[gold].sum()
    value.backward()
    loss, gradient = cross_entropy(drawn(), TARGETS, weights, focal_gamma=gamma)
    assert loss == pytest.approx(value.item(), rel=1e-5)
    np.testing.assert_allclose(gradient, logits.grad.numpy(), atol=1e-6)


def test_the_focal_loss_by_hand():
    # p = 3/4, q = 1/4. The loss is q² · -ln p. Its derivative with respect to the other logit is q · (q² + 2·p·q · -ln
    # p).
    loss, gradient = cross_entropy(np.log(np.array([[1, 3]], dtype="f")), np.array([1]), focal_gamma=2.0)
    assert loss == pytest.approx(0.01798014, rel=1e-6)
    np.testing.assert_allclose(gradient, [[0.04259519, -0.04259519]], rtol=1e-5)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_the_focal_loss_of_certain_rows_is_finite(gamma):
    logits = np.array([[1000.0, -1000.0], [1000.0, -1000.0]], dtype="f")
    loss, gradient = cross_entropy(logits, np.array([0, 1]), focal_gamma=gamma)
    assert loss == 1000.0  # the mean of 0 and 2,000
    assert gradient.tolist() == [[0, 0], [0.5, -0.5]]


def test_weighted_losses_add_up_to_the_mean_over_all_rows():
    whole, _ = cross_entropy(drawn(), TARGETS, WEIGHTS)
    first, _ = cross_entropy(drawn()[:4], TARGETS[:4], WEIGHTS)
    second, _ = cross_entropy(drawn()[4:], TARGETS[4:], WEIGHTS)
    assert first + second == pytest.approx(float(whole))
    assert (first + second).weight == whole.weight


def test_nothing_known_is_no_loss():
    loss, gradient = cross_entropy(np.ones((2, 3), dtype="f"), np.array([-1, -1]))
    assert (loss, loss.weight) == (0.0, 0)
    assert gradient.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_large_logits_do_not_overflow():
    loss, gradient = cross_entropy(np.array([[1000.0, -1000.0]], dtype="f"), np.array([1]))
    assert loss == 2000.0
    assert gradient.tolist() == [[1.0, -1.0]]


def test_losses_add_up_to_the_mean_over_all_rows():
    total = WeightedMean() + WeightedMean(1.0, 1) + WeightedMean(4.0, 2)
    assert (float(total), total.weight) == (3.0, 3)
    total = sum([WeightedMean(1.0, 1), WeightedMean(4.0, 2)])
    assert (float(total), total.weight) == (3.0, 3)


def test_a_mean_loss_is_a_number_to_others():
    assert srsly.json_loads(srsly.json_dumps({"loss": WeightedMean(0.5, 3)})) == {"loss": 0.5}
    assert WeightedMean(0.5, 3) + 1.0 == 1.5
    assert (WeightedMean(0.5, 3) + 1.0).weight == (1.0 + WeightedMean(0.5, 3)).weight == 3


def test_a_copy_of_a_mean_loss_keeps_its_weight():
    again = copy.copy(WeightedMean(0.5, 3))
    assert (float(again), again.weight) == (0.5, 3)


def test_distillation_by_hand():
    # Old p = (1/2, 1/2), new p = (1/4, 3/4). KL = 1/2 ln 2 + 1/2 ln(2/3), and its gradient is new - old.
    new, old = (np.log(np.array([row], dtype="f")) for row in ([1, 3], [1, 1]))
    loss, gradient = distillation(new, old)
    assert loss == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))
    np.testing.assert_allclose(gradient, [[-0.25, 0.25]], rtol=1e-6)
    assert loss.weight == 1


def test_distillation_is_a_mean_over_rows():
    new = np.log(np.array([[1, 3], [1, 1]], dtype="f"))
    loss, gradient = distillation(new, np.zeros((2, 2), "f"))
    assert (float(loss), loss.weight) == (pytest.approx((0.5 * np.log(2) + 0.5 * np.log(2 / 3)) / 2), 2)
    np.testing.assert_allclose(gradient, [[-0.125, 0.125], [0, 0]], atol=1e-7)


def test_distillation_leaves_out_tags_that_the_older_model_does_not_know():
    old = np.log(np.array([[1, 3]], dtype="f"))
    loss, gradient = distillation(np.log(np.array([[1, 3, 9]], dtype="f")), old)
    assert loss == pytest.approx(0.0, abs=1e-7)
    np.testing.assert_allclose(gradient, [[0, 0, 0]], atol=1e-7)


def test_distillation_of_nothing():
    loss, gradient = distillation(np.zeros((0, 3), "f"), np.zeros((0, 2), "f"))
    assert (loss, loss.weight, gradient.shape) == (0.0, 0, (0, 3))


def test_each_doc_gets_the_gradient_of_its_rows():
    # Two Docs: one with a token that has two subwords, and one with two tokens that have one subword each.
    output = [Ragged(np.zeros((2, 2), "f"), np.array([2])), Ragged(np.zeros((2, 2), "f"), np.array([1, 1]))]
    loss, gradient = tag_loss(output, [np.array([1, -1]), np.array([0, 0])])
    assert loss.weight == 3
    third = 0.5 / 3
    np.testing.assert_allclose(gradient[0].dataXd, [[third, -third], [0, 0]], rtol=1e-6)
    np.testing.assert_allclose(gradient[1].dataXd, [[-third, third]] * 2, rtol=1e-6)
    assert [part.lengths.tolist() for part in gradient] == [[2], [1, 1]]
