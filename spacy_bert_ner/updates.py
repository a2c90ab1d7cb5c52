"""One optimizer step on torch parameters, with thinc's arithmetic and torch's fused kernels.

thinc's `Optimizer` holds the settings and the moments. Its own step walks over NumPy arrays several times; with the
22.7 million parameters of a six-layer encoder that costs more than half as much as forward and backward together.
Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980; weight decay apart from the gradient: Loshchilov & Hutter 2019,
https://arxiv.org/abs/1711.05101) and SGD run here as torch operations on the weights where they are. RAdam is left to
thinc.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from thinc.api import Optimizer
from thinc.backends import get_array_ops
from thinc.util import torch2xp, xp2torch
from torch.optim.adamw import adamw

from .types import Array

Key = tuple[int, str]


def apply_optimizer(optimizer: Optimizer, keys: Sequence[Key], params: Sequence[torch.nn.Parameter]) -> None:
    """Update parameters from their gradients, and forget the gradients.

    optimizer: from `[training.optimizer]`. Its moments, averages and counts are kept where thinc keeps them.
    keys: thinc's key of each parameter.
    params: parameters with a gradient, all on one device.
    """
    if not params:
        return
    # `nlp.rehearse` hands over a function that only collects. On other devices than these two, thinc's arrays are
    # copies, which cannot be updated in place.
    is_ours = isinstance(optimizer, Optimizer) and not optimizer.use_radam
    if not is_ours or params[0].device.type not in ("cpu", "cuda"):
        _step_by_thinc(optimizer, keys, params)
    else:
        with torch.no_grad():
            _step_by_torch(optimizer, keys, params)
    for param in params:
        param.grad = None


def _step_by_thinc(optimizer: Optimizer, keys: Sequence[Key], params: Sequence[torch.nn.Parameter]) -> None:
    for key, param in zip(keys, params, strict=True):
        weights, _ = optimizer(key, torch2xp(param.data), torch2xp(param.grad))  # type: ignore[arg-type]
        param.data = xp2torch(weights, device=param.device)


def _step_by_torch(optimizer: Optimizer, keys: Sequence[Key], params: Sequence[torch.nn.Parameter]) -> None:
    weights = [param.data for param in params]
    grads = [param.grad for param in params if param.grad is not None]
    rate, decay = optimizer.learn_rate, optimizer.L2
    for key in keys:
        optimizer.nr_update[key] += 1
    if decay and not optimizer.L2_is_weight_decay:
        torch._foreach_add_(grads, weights, alpha=decay)
        decay = 0.0
    if optimizer.grad_clip:
        # thinc clips the norm of each parameter's gradient on its own, not their common norm.
        for grad, norm in zip(grads, torch._foreach_norm(grads), strict=True):
            grad.mul_((optimizer.grad_clip / norm).clamp_(max=1.0))
    if optimizer.b1 > 0 and optimizer.b2 > 0:
        _adam(optimizer, keys, weights, grads, rate, decay)
    else:
        torch._foreach_add_(weights, grads, alpha=-rate)
        if decay:
            torch._foreach_mul_(weights, 1 - rate * decay)
    if optimizer.averages is not None:
        for key, weight in zip(keys, weights, strict=True):
            _update_average(optimizer.averages, key, weight, optimizer.nr_update[key])


def _adam(
    optimizer: Optimizer,
    keys: Sequence[Key],
    weights: list[torch.Tensor],
    grads: list[torch.Tensor],
    rate: float,
    decay: float,
) -> None:
    """thinc's `w ← (w - rate·√c2/c1 · m/(√v + eps)) · (1 - rate·decay)`, with c the corrections of the moments' bias.

    torch's kernel computes `w ← w·(1 - r·d) - r/c1 · m/(√v/√c2 + e)`. The two are equal for r = rate·(1 - rate·decay),
    d = rate·decay/r and e = eps/√c2.
    """
    by_count: dict[int, list[int]] = {}
    for i, key in enumerate(keys):
        by_count.setdefault(optimizer.nr_update[key], []).append(i)
    for count, places in by_count.items():
        kept = 1 - rate * decay
        adamw(
            [weights[i] for i in places],
            [grads[i] for i in places],
            [_moment(optimizer.mom1, keys[i], weights[i]) for i in places],
            [_moment(optimizer.mom2, keys[i], weights[i]) for i in places],
            [],
            [torch.tensor(float(count - 1), device=weights[i].device) for i in places],
            fused=True,
            amsgrad=False,
            beta1=optimizer.b1,
            beta2=optimizer.b2,
            lr=rate * kept,
            weight_decay=decay / kept,
            eps=optimizer.eps / (1 - optimizer.b2**count) ** 0.5,
            maximize=False,
        )


def _moment(moments: dict[Key, Array], key: Key, weight: torch.Tensor) -> torch.Tensor:
    """A torch view of thinc's flat array of moments, which is made on first use."""
    if key not in moments:
        moments[key] = get_array_ops(torch2xp(weight)).alloc1f(weight.numel())
    return xp2torch(moments[key], device=weight.device).view_as(weight)


def _update_average(averages: dict[Key, Array], key: Key, weight: torch.Tensor, count: int) -> None:
    """thinc's exponential moving average, whose decay grows with the number of updates up to 0.9999."""
    if key not in averages:
        averages[key] = get_array_ops(torch2xp(weight)).alloc(tuple(weight.shape), dtype="float32")
    decay = min((1.0 + count) / (10.0 + count), 0.9999)
    xp2torch(averages[key], device=weight.device).lerp_(weight, 1 - decay)
