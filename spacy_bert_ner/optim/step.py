"""Run an optimizer step on torch parameters.

thinc's `Optimizer` holds the settings and the moments. Its step passes over NumPy arrays several times. For a six-layer
encoder with 22.7 million parameters, the step takes more than half as long as the forward and backward pass together.

Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980; decoupled weight decay: Loshchilov & Hutter 2019,
https://arxiv.org/abs/1711.05101) therefore runs on torch's fused kernels, with thinc's arithmetic. RAdam and SGD run
thinc's own step.

`AdamW` from this package uses the same kernels with torch's arithmetic:
`w ← w·(1 - r·d) - r/c1 · m/(√v/√c2 + eps)`. The learning rate r and the decay d depend on the parameter's depth.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from thinc.api import Optimizer
from thinc.backends import get_array_ops
from thinc.util import torch2xp, xp2torch
from torch.optim.adamw import adamw

from ..errors import OPTIMIZER_SECTION, ConfigError, Errors, require_setting
from ..nn.parameter_depth import ParameterDepth
from ..types import ArrayXd
from .layerwise_adamw import AdamW

Key = tuple[int, str]


def apply_optimizer(
    optimizer: Optimizer, keys: Sequence[Key], params: Sequence[torch.nn.Parameter], depths: Sequence[ParameterDepth]
) -> None:
    """Update parameters from their gradients and clear the gradients.

    optimizer (Optimizer): the optimizer from `[training.optimizer]`. Its moments, averages and counts stay in thinc's
        attributes.
    keys (Sequence[Key]): thinc's key of each parameter.
    params (Sequence[torch.nn.Parameter]): parameters with a gradient, all on one device.
    depths (Sequence[ParameterDepth]): depth of each parameter. Only `AdamW` uses it.
    RAISES ConfigError: `AdamW` does not support the device, or `layer_decay` needs layers that cannot be identified.
    """
    if not params:
        return
    if isinstance(optimizer, AdamW):
        with torch.no_grad():
            _step_param_groups(optimizer, keys, params, depths)
    elif _is_adam(optimizer) and params[0].device.type in ("cpu", "cuda"):
        with torch.no_grad():
            _step_adam(optimizer, keys, params)
    else:
        _step_by_thinc(optimizer, keys, params)
    for param in params:
        param.grad = None


def _is_adam(optimizer: object) -> bool:
    """Return whether an optimizer's step is thinc's Adam.

    thinc runs another algorithm if `use_radam` is set or if `beta1` or `beta2` is 0. `nlp.rehearse` passes a function
    that only collects gradients.
    """
    return isinstance(optimizer, Optimizer) and not optimizer.use_radam and optimizer.b1 > 0 and optimizer.b2 > 0


def _step_by_thinc(optimizer: Optimizer, keys: Sequence[Key], params: Sequence[torch.nn.Parameter]) -> None:
    for key, param in zip(keys, params, strict=True):
        weights, _ = optimizer(key, torch2xp(param.data), torch2xp(param.grad))  # type: ignore[arg-type]
        param.data = xp2torch(weights, device=param.device)


def _step_adam(optimizer: Optimizer, keys: Sequence[Key], params: Sequence[torch.nn.Parameter]) -> None:
    weights = [param.data for param in params]
    grads = [param.grad for param in params if param.grad is not None]
    decay = optimizer.L2
    for key in keys:
        optimizer.nr_update[key] += 1
    if decay and not optimizer.L2_is_weight_decay:
        torch._foreach_add_(grads, weights, alpha=decay)
        decay = 0.0
    if optimizer.grad_clip:
        _clip_each(grads, optimizer.grad_clip)
    _adam(optimizer, keys, weights, grads, optimizer.learn_rate, decay)
    _update_averages(optimizer, keys, weights)


def _step_param_groups(
    optimizer: AdamW, keys: Sequence[Key], params: Sequence[torch.nn.Parameter], depths: Sequence[ParameterDepth]
) -> None:
    device = params[0].device.type
    if device not in ("cpu", "cuda"):
        raise ConfigError(Errors.optimizer_device.format(device=device))
    has_layers = optimizer.layer_decay == 1 or depths[0].n_layers > 0
    allowed = "1, because this encoder has no separate layers"
    require_setting(OPTIMIZER_SECTION, "layer_decay", optimizer.layer_decay, has_layers, allowed)
    weights = [param.data for param in params]
    grads = [param.grad for param in params if param.grad is not None]
    if optimizer.grad_clip and optimizer.clip == "global":
        torch.nn.utils.clip_grad_norm_(params, optimizer.grad_clip, foreach=True)
    elif optimizer.grad_clip:
        _clip_each(grads, optimizer.grad_clip)
    groups: dict[tuple[float, float, int], list[int]] = {}
    for i, (key, weight, depth) in enumerate(zip(keys, weights, depths, strict=True)):
        optimizer.nr_update[key] += 1
        group = (optimizer.rate(depth), optimizer.decay(weight.dim()), optimizer.nr_update[key])
        groups.setdefault(group, []).append(i)
    for (rate, decay, count), members in groups.items():
        _fused_adamw(optimizer, keys, weights, grads, members, count, rate, decay, optimizer.eps)
    _update_averages(optimizer, keys, weights)


def _clip_each(grads: list[torch.Tensor], limit: float) -> None:
    """Clip the gradient norm of each parameter separately, as thinc does, instead of their joint norm."""
    for grad, norm in zip(grads, torch._foreach_norm(grads), strict=True):
        grad.mul_((limit / norm).clamp_(max=1.0))


def _adam(
    optimizer: Optimizer,
    keys: Sequence[Key],
    weights: list[torch.Tensor],
    grads: list[torch.Tensor],
    rate: float,
    decay: float,
) -> None:
    """Compute thinc's `w ← (w - rate·√c2/c1 · m/(√v + eps)) · (1 - rate·decay)`.

    c1 and c2 are the bias corrections of the moments. torch's kernel computes
    `w ← w·(1 - r·d) - r/c1 · m/(√v/√c2 + e)`. The two are equal for r = rate·(1 - rate·decay), d = rate·decay/r and
    e = eps/√c2.
    """
    shrinkage = 1 - rate * decay
    for count, members in _by_count(optimizer, keys).items():
        eps = optimizer.eps / (1 - optimizer.b2**count) ** 0.5
        _fused_adamw(optimizer, keys, weights, grads, members, count, rate * shrinkage, decay / shrinkage, eps)


def _by_count(optimizer: Optimizer, keys: Sequence[Key]) -> dict[int, list[int]]:
    """Group parameter indices by number of updates, including the current step."""
    by_count: dict[int, list[int]] = {}
    for i, key in enumerate(keys):
        by_count.setdefault(optimizer.nr_update[key], []).append(i)
    return by_count


def _fused_adamw(
    optimizer: Optimizer,
    keys: Sequence[Key],
    weights: list[torch.Tensor],
    grads: list[torch.Tensor],
    members: list[int],
    count: int,
    rate: float,
    decay: float,
    eps: float,
) -> None:
    """Run torch's fused AdamW on parameters with the same number of updates.

    members: indices of the parameters to update.
    count: number of updates of each parameter, including the current step.
    """
    adamw(
        [weights[i] for i in members],
        [grads[i] for i in members],
        [_moment(optimizer.mom1, keys[i], weights[i]) for i in members],
        [_moment(optimizer.mom2, keys[i], weights[i]) for i in members],
        [],
        [torch.tensor(float(count - 1), device=weights[i].device) for i in members],
        fused=True,
        amsgrad=False,
        beta1=optimizer.b1,
        beta2=optimizer.b2,
        lr=rate,
        weight_decay=decay,
        eps=eps,
        maximize=False,
    )


def _moment(moments: dict[Key, ArrayXd], key: Key, weight: torch.Tensor) -> torch.Tensor:
    """Return a torch view of thinc's flat array of moments, which is allocated on first use."""
    if key not in moments:
        moments[key] = get_array_ops(torch2xp(weight)).alloc1f(weight.numel())
    return xp2torch(moments[key], device=weight.device).view_as(weight)


def _update_averages(optimizer: Optimizer, keys: Sequence[Key], weights: list[torch.Tensor]) -> None:
    """Update thinc's exponential moving averages. Their decay increases with each update, up to a maximum of 0.9999."""
    averages = optimizer.averages
    if averages is None:
        return
    for key, weight in zip(keys, weights, strict=True):
        if key not in averages:
            averages[key] = get_array_ops(torch2xp(weight)).alloc(tuple(weight.shape), dtype="float32")
        count = optimizer.nr_update[key]
        decay = min((1.0 + count) / (10.0 + count), 0.9999)
        xp2torch(averages[key], device=weight.device).lerp_(weight, 1 - decay)
