"""Run an optimizer step on torch parameters, with thinc's arithmetic and torch's fused kernels.

thinc's `Optimizer` holds the settings and the moments. Its step passes over NumPy arrays several times. With the 22.7
million parameters of a six-layer encoder, this takes more than half the time of the forward and backward pass together.

Three thinc optimizers run here as in-place torch operations: Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980;
decoupled weight decay: Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101), RAdam (Liu et al. 2020,
https://arxiv.org/abs/1908.03265) and SGD.

The package's `AdamW` uses the same kernels with torch's arithmetic: `w ← w·(1 - r·d) - r/c1 · m/(√v/√c2 + eps)`. The
rate r and the decay d depend on the depth of the parameter.
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
from .adamw import AdamW

Key = tuple[int, str]


def apply_optimizer(
    optimizer: Optimizer, keys: Sequence[Key], params: Sequence[torch.nn.Parameter], depths: Sequence[ParameterDepth]
) -> None:
    """Update parameters from their gradients, and clear the gradients.

    optimizer (Optimizer): the optimizer of `[training.optimizer]`. Its moments, averages and counts stay in thinc's
        attributes.
    keys (Sequence[Key]): thinc's key of each parameter.
    params (Sequence[torch.nn.Parameter]): parameters with a gradient, all on one device.
    depths (Sequence[ParameterDepth]): depth of each parameter; only used by `AdamW`.
    RAISES ConfigError: `AdamW` does not run on the device, or its `layer_decay` needs layers that cannot be told apart.
    """
    if not params:
        return
    # `nlp.rehearse` passes a function that only collects gradients. On devices other than "cpu" and "cuda", thinc's
    # arrays are copies, which cannot be updated in place.
    if isinstance(optimizer, AdamW):
        with torch.no_grad():
            _step_param_groups(optimizer, keys, params, depths)
    elif not isinstance(optimizer, Optimizer) or params[0].device.type not in ("cpu", "cuda"):
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
        _clip_each(grads, optimizer.grad_clip)
    if not optimizer.use_radam and optimizer.b1 > 0 and optimizer.b2 > 0:
        _adam(optimizer, keys, weights, grads, rate, decay)  # includes the decay
    else:
        if optimizer.use_radam:
            _radam(optimizer, keys, weights, grads, rate)
        else:
            torch._foreach_add_(weights, grads, alpha=-rate)
        if decay:
            torch._foreach_mul_(weights, 1 - rate * decay)
    _update_averages(optimizer, keys, weights)


def _step_param_groups(
    optimizer: AdamW, keys: Sequence[Key], params: Sequence[torch.nn.Parameter], depths: Sequence[ParameterDepth]
) -> None:
    device = params[0].device.type
    if device not in ("cpu", "cuda"):
        raise ConfigError(Errors.optimizer_device.format(device=device))
    has_layers = optimizer.layer_decay == 1 or depths[0].n_layers > 0
    allowed = "1, as the layers of this encoder cannot be told apart"
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
    """Clip the norm of each parameter's gradient separately, as thinc does, instead of their joint norm."""
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


def _radam(
    optimizer: Optimizer, keys: Sequence[Key], weights: list[torch.Tensor], grads: list[torch.Tensor], rate: float
) -> None:
    """Compute thinc's `w ← w - rate·r/c1 · m/(√v + eps)`.

    As long as there are too few gradients to estimate the variance, it is `w ← w - rate/c1 · m`. thinc counts one step
    too many in both r and c1, so its warm-up ends one step earlier.
    """
    b1, b2 = optimizer.b1, optimizer.b2
    for count, members in _by_count(optimizer, keys).items():
        member_weights, gradients = [weights[i] for i in members], [grads[i] for i in members]
        means = [_moment(optimizer.mom1, keys[i], weights[i]) for i in members]
        squares = [_moment(optimizer.mom2, keys[i], weights[i]) for i in members]
        torch._foreach_lerp_(means, gradients, 1 - b1)
        torch._foreach_mul_(squares, b2)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - b2)
        t = count + 1
        max_length = 2 / (1 - b2) - 1
        length = max_length - 2 * t * b2**t / (1 - b2**t)  # of the simple moving average that approximates v
        step = rate / (1 - b1**t)
        if length < 5:
            torch._foreach_add_(member_weights, means, alpha=-step)
            continue
        rectification = (length - 4) * (length - 2) * max_length / ((max_length - 4) * (max_length - 2) * length)
        divisors = torch._foreach_sqrt(squares)
        torch._foreach_add_(divisors, optimizer.eps)
        torch._foreach_addcdiv_(member_weights, means, divisors, value=-step * ((1 - b2**t) * rectification) ** 0.5)


def _by_count(optimizer: Optimizer, keys: Sequence[Key]) -> dict[int, list[int]]:
    """Group the indices of the parameters by their number of updates, including the current step."""
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

    members: indices of the parameters.
    count: number of updates of each, including the current step.
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
    """Return a torch view of thinc's flat array of moments. The array is allocated on first use."""
    if key not in moments:
        moments[key] = get_array_ops(torch2xp(weight)).alloc1f(weight.numel())
    return xp2torch(moments[key], device=weight.device).view_as(weight)


def _update_averages(optimizer: Optimizer, keys: Sequence[Key], weights: list[torch.Tensor]) -> None:
    """Update thinc's exponential moving averages. Their decay grows with the number of updates, up to 0.9999."""
    averages = optimizer.averages
    if averages is None:
        return
    for key, weight in zip(keys, weights, strict=True):
        if key not in averages:
            averages[key] = get_array_ops(torch2xp(weight)).alloc(tuple(weight.shape), dtype="float32")
        count = optimizer.nr_update[key]
        decay = min((1.0 + count) / (10.0 + count), 0.9999)
        xp2torch(averages[key], device=weight.device).lerp_(weight, 1 - decay)
