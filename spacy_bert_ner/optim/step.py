"""One optimizer step on torch parameters, with thinc's arithmetic and torch's fused kernels.

thinc's `Optimizer` holds the settings and the moments. Its own step walks over NumPy arrays several times; with the
22.7 million parameters of a six-layer encoder that costs more than half as much as forward and backward together.
Adam (Kingma & Ba 2015, https://arxiv.org/abs/1412.6980; weight decay apart from the gradient: Loshchilov & Hutter 2019,
https://arxiv.org/abs/1711.05101), RAdam (Liu et al. 2020, https://arxiv.org/abs/1908.03265) and SGD run here as torch
operations on the weights where they are.

The package's own `AdamW` takes the same kernels, with torch's arithmetic: `w ← w·(1 - r·d) - r/c1 · m/(√v/√c2 + eps)`,
where rate r and decay d are those of the parameter's place.
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
    optimizer: Optimizer, keys: Sequence[Key], params: Sequence[torch.nn.Parameter], places: Sequence[ParameterDepth]
) -> None:
    """Update parameters from their gradients, and forget the gradients.

    optimizer: from `[training.optimizer]`. Its moments, averages and counts are kept where thinc keeps them.
    keys: thinc's key of each parameter.
    params: parameters with a gradient, all on one device.
    places: where each parameter lies; `AdamW` alone asks.
    RAISES ConfigError: `AdamW` has options that cannot be kept here.
    """
    if not params:
        return
    # `nlp.rehearse` hands over a function that only collects. On other devices than these two, thinc's arrays are
    # copies, which cannot be updated in place.
    if isinstance(optimizer, AdamW):
        with torch.no_grad():
            _step_param_groups(optimizer, keys, params, places)
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
        _adam(optimizer, keys, weights, grads, rate, decay)  # the decay too
    else:
        if optimizer.use_radam:
            _radam(optimizer, keys, weights, grads, rate)
        else:
            torch._foreach_add_(weights, grads, alpha=-rate)
        if decay:
            torch._foreach_mul_(weights, 1 - rate * decay)
    _update_averages(optimizer, keys, weights)


def _step_param_groups(
    optimizer: AdamW, keys: Sequence[Key], params: Sequence[torch.nn.Parameter], places: Sequence[ParameterDepth]
) -> None:
    device = params[0].device.type
    if device not in ("cpu", "cuda"):
        raise ConfigError(Errors.optimizer_device.format(device=device))
    has_layers = optimizer.layer_decay == 1 or places[0].n_layers > 0
    allowed = "1, as the layers of this encoder cannot be told apart"
    require_setting(OPTIMIZER_SECTION, "layer_decay", optimizer.layer_decay, has_layers, allowed)
    weights = [param.data for param in params]
    grads = [param.grad for param in params if param.grad is not None]
    if optimizer.grad_clip and optimizer.clip == "global":
        torch.nn.utils.clip_grad_norm_(params, optimizer.grad_clip, foreach=True)
    elif optimizer.grad_clip:
        _clip_each(grads, optimizer.grad_clip)
    groups: dict[tuple[float, float, int], list[int]] = {}
    for i, (key, weight, place) in enumerate(zip(keys, weights, places, strict=True)):
        optimizer.nr_update[key] += 1
        group = (optimizer.rate(place), optimizer.decay(weight.dim()), optimizer.nr_update[key])
        groups.setdefault(group, []).append(i)
    for (rate, decay, count), members in groups.items():
        _fused_adamw(optimizer, keys, weights, grads, members, count, rate, decay, optimizer.eps)
    _update_averages(optimizer, keys, weights)


def _clip_each(grads: list[torch.Tensor], limit: float) -> None:
    """thinc clips the norm of each parameter's gradient on its own, not their common norm."""
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
    """thinc's `w ← (w - rate·√c2/c1 · m/(√v + eps)) · (1 - rate·decay)`, with c the corrections of the moments' bias.

    torch's kernel computes `w ← w·(1 - r·d) - r/c1 · m/(√v/√c2 + e)`. The two are equal for r = rate·(1 - rate·decay),
    d = rate·decay/r and e = eps/√c2.
    """
    kept = 1 - rate * decay
    for count, members in _by_count(optimizer, keys).items():
        eps = optimizer.eps / (1 - optimizer.b2**count) ** 0.5
        _fused_adamw(optimizer, keys, weights, grads, members, count, rate * kept, decay / kept, eps)


def _radam(
    optimizer: Optimizer, keys: Sequence[Key], weights: list[torch.Tensor], grads: list[torch.Tensor], rate: float
) -> None:
    """thinc's `w ← w - rate·r/c1 · m/(√v + eps)`, or, while too few gradients tell the variance, `w ← w - rate/c1 · m`.

    thinc counts one step more than there were, in r and c1 alike; the warm-up is over a step earlier for it.
    """
    b1, b2 = optimizer.b1, optimizer.b2
    for count, members in _by_count(optimizer, keys).items():
        own, gradients = [weights[i] for i in members], [grads[i] for i in members]
        means = [_moment(optimizer.mom1, keys[i], weights[i]) for i in members]
        squares = [_moment(optimizer.mom2, keys[i], weights[i]) for i in members]
        torch._foreach_lerp_(means, gradients, 1 - b1)
        torch._foreach_mul_(squares, b2)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - b2)
        t = count + 1
        longest = 2 / (1 - b2) - 1
        length = longest - 2 * t * b2**t / (1 - b2**t)  # of the moving average that v is like
        step = rate / (1 - b1**t)
        if length < 5:
            torch._foreach_add_(own, means, alpha=-step)
            continue
        known = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
        divisors = torch._foreach_sqrt(squares)
        torch._foreach_add_(divisors, optimizer.eps)
        torch._foreach_addcdiv_(own, means, divisors, value=-step * ((1 - b2**t) * known) ** 0.5)


def _by_count(optimizer: Optimizer, keys: Sequence[Key]) -> dict[int, list[int]]:
    """Which parameters have been updated how often, this step included."""
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
    """Step with those parameters, which have been updated equally often, this step included."""
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
    """A torch view of thinc's flat array of moments, which is made on first use."""
    if key not in moments:
        moments[key] = get_array_ops(torch2xp(weight)).alloc1f(weight.numel())
    return xp2torch(moments[key], device=weight.device).view_as(weight)


def _update_averages(optimizer: Optimizer, keys: Sequence[Key], weights: list[torch.Tensor]) -> None:
    """thinc's exponential moving average, whose decay grows with the number of updates up to 0.9999."""
    averages = optimizer.averages
    if averages is None:
        return
    for key, weight in zip(keys, weights, strict=True):
        if key not in averages:
            averages[key] = get_array_ops(torch2xp(weight)).alloc(tuple(weight.shape), dtype="float32")
        count = optimizer.nr_update[key]
        decay = min((1.0 + count) / (10.0 + count), 0.9999)
        xp2torch(averages[key], device=weight.device).lerp_(weight, 1 - decay)
