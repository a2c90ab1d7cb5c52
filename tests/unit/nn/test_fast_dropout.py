"""Test that fast dropout is as random and as reproducible as torch's dropout."""

from __future__ import annotations

import pytest
import torch
from checkpoints import ARCHITECTURES, LazyCheckpoints

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.nn.fast_dropout import FastDropout


def ones(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.ones(shape, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rate", [0.001, 0.1, 0.5, 0.9])
def test_drops_the_share_that_was_asked_for_and_scales_the_rest(rate: float, dtype: torch.dtype) -> None:
    found = FastDropout(rate)(ones(1000, 100, dtype=dtype))
    kept = found[found != 0].detach()
    n_dropped = found.numel() - len(kept)
    assert abs(n_dropped / found.numel() - rate) < 4 * (rate * (1 - rate) / found.numel()) ** 0.5
    assert found.dtype == dtype
    assert torch.allclose(kept.float(), torch.full_like(kept, 1 / (1 - rate)).float(), rtol=1e-4)


def test_the_four_parts_of_a_number_are_equally_likely_to_drop() -> None:
    dropped = (FastDropout(0.1)(ones(250_000, 4)) == 0).float()
    assert torch.allclose(dropped.mean(0), torch.full((4,), 0.1), atol=0.003)
    together = dropped.T @ dropped / len(dropped)  # elements are dropped independently
    assert torch.allclose(together[~torch.eye(4, dtype=torch.bool)], torch.full((12,), 0.01), atol=0.001)


def test_the_gradient_goes_where_the_output_came_from() -> None:
    weights = ones(7, 5)
    found = FastDropout(0.5)(weights)
    found.sum().backward()
    assert weights.grad is not None
    assert torch.equal(weights.grad, found.detach())


def test_the_same_seed_drops_the_same() -> None:
    def drop(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return FastDropout(0.5)(torch.ones(3, 33))

    assert torch.equal(drop(1), drop(1))
    assert not torch.equal(drop(1), drop(2))


@pytest.mark.parametrize(("rate", "is_training", "expected"), [(0.0, True, 1.0), (0.5, False, 1.0), (1.0, True, 0.0)])
def test_drops_nothing_or_all(rate: float, is_training: bool, expected: float) -> None:
    assert torch.equal(FastDropout(rate).train(is_training)(torch.ones(9)), torch.full((9,), expected))


def test_takes_any_shape() -> None:
    for shape in ((0,), (1,), (3, 0), (5, 3, 7)):
        assert FastDropout(0.1)(torch.ones(shape)).shape == shape
    assert FastDropout(0.1)(torch.ones(4, 6).T).shape == (6, 4)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_checkpoint_has_it_and_one_rate_sets_all(checkpoints: LazyCheckpoints, name: str) -> None:
    checkpoint = Checkpoint.from_pretrained(checkpoints[name])
    checkpoint.set_dropout(0.25)
    found = [module for module in checkpoint.model.modules() if isinstance(module, torch.nn.Dropout)]
    assert found
    assert {(type(module), module.p, module.training) for module in found} == {(FastDropout, 0.25, False)}
