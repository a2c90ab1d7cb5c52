import numpy as np
import pytest
import torch
from thinc.api import SGD, Adam, Optimizer, RAdam
from thinc.util import torch2xp

from spacy_bert_ner.nn.parameter_depth import ParameterDepth
from spacy_bert_ner.optim.step import apply_optimizer

OPTIMIZERS = {
    "adam": lambda: Adam(0.01, use_averages=False),
    "adamw": lambda: Adam(0.01, L2=0.1, grad_clip=0.5, use_averages=True),
    "adam with L2": lambda: Adam(0.01, L2=0.1, L2_is_weight_decay=False, grad_clip=0.0, use_averages=False),
    "adam with a large eps": lambda: Adam(0.01, eps=0.1, use_averages=False),
    "adam with schedule": lambda: Adam([0.0, 0.02, 0.01], L2=0.01, use_averages=False),
    "sgd": lambda: SGD(0.1, grad_clip=0.0, use_averages=False),
    "sgd with everything": lambda: SGD(0.1, L2=0.1, grad_clip=0.5, use_averages=True),
    "radam": lambda: RAdam(0.01, L2=0.1, use_averages=True),
    "radam with L2": lambda: RAdam(0.01, L2=0.1, L2_is_weight_decay=False, grad_clip=0.0, eps=0.1, use_averages=False),
    "radam with schedule": lambda: RAdam([0.0, 0.02, 0.01], grad_clip=0.5, beta2=0.9, use_averages=False),
}

DEPTHS = [ParameterDepth(2, 1), ParameterDepth(2, 1)]


def gradients(step: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    return [torch.randn(shape, generator=generator) for shape in [(4, 3), (3,)]]


def run(optimizer: Optimizer, update, n_before: int = 0) -> list[torch.nn.Parameter]:
    params = [torch.nn.Parameter(start.clone()) for start in gradients(-1)]
    optimizer.nr_update.update(dict.fromkeys([(1, "weight"), (1, "bias")], n_before))
    for step in range(20):
        for param, grad in zip(params, gradients(step), strict=True):
            param.grad = grad
        update(optimizer, [(1, "weight"), (1, "bias")], params, DEPTHS)
        optimizer.step_schedules()
    return params


def by_thinc(optimizer, keys, params, depths):
    for key, param in zip(keys, params, strict=True):
        weights, _ = optimizer(key, torch2xp(param.data), torch2xp(param.grad))
        param.data = torch.from_numpy(weights)


@pytest.mark.parametrize("n_before", [0, 200_000])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_twenty_steps_equal_those_of_thinc(name, n_before):
    expected_optimizer, optimizer = OPTIMIZERS[name](), OPTIMIZERS[name]()
    expected, found = run(expected_optimizer, by_thinc, n_before), run(optimizer, apply_optimizer, n_before)
    for want, have in zip(expected, found, strict=True):
        np.testing.assert_allclose(have.detach(), want.detach(), rtol=2e-5, atol=2e-6)
    for moments in ("mom1", "mom2", "averages", "nr_update"):
        want, have = getattr(expected_optimizer, moments) or {}, getattr(optimizer, moments) or {}
        assert want.keys() == have.keys()
        for key in want:
            np.testing.assert_allclose(have[key], want[key], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_only_adam_runs_on_the_kernels_of_torch(name, monkeypatch):
    calls = []

    def count(_optimizer: object, _key: object, weights: object, gradient: object) -> tuple[object, object]:
        calls.append(1)
        return weights, gradient

    monkeypatch.setattr(Optimizer, "__call__", count)
    run(OPTIMIZERS[name](), apply_optimizer)
    assert len(calls) == (0 if name.startswith("adam") else 20 * 2)  # for each step and parameter


def test_weights_are_updated_where_they_are_and_gradients_are_forgotten():
    param = torch.nn.Parameter(torch.ones(3))
    address = param.data_ptr()
    param.grad = torch.ones(3)
    apply_optimizer(Adam(0.5, use_averages=False), [(1, "w")], [param], DEPTHS[:1])
    assert param.data_ptr() == address
    assert param.grad is None
    np.testing.assert_allclose(param.detach(), 0.5, rtol=1e-6)


def test_a_parameter_that_joins_later_has_a_count_of_its_own():
    optimizer = Adam(0.5, use_averages=False)
    old, new = (torch.nn.Parameter(torch.ones(1)) for _ in range(2))
    old.grad = torch.ones(1)
    apply_optimizer(optimizer, [(1, "old")], [old], DEPTHS[:1])
    old.grad, new.grad = torch.ones(1), torch.ones(1)
    apply_optimizer(optimizer, [(1, "old"), (1, "new")], [old, new], DEPTHS)
    assert dict(optimizer.nr_update) == {(1, "old"): 2, (1, "new"): 1}
    np.testing.assert_allclose(new.detach(), 0.5, rtol=1e-6)
