"""How many rows carry the gradients that are gathered before a step: over several batches, and over several workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

AllReduce = Callable[[Sequence[torch.Tensor]], None]
"""Adds to each tensor those of the other workers, in place."""


class GradientAccumulator:
    """The weights of rows that carry a loss, in the first of the batches gathered since the last step and in all.

    Each batch adds the gradient of its own mean, times its weight as a multiple of the first one's, so that one batch
    alone stays as it is.
    """

    def __init__(self) -> None:
        self._first = self._all = 0.0

    def add_batch(self, weight: float) -> float:
        """Count a batch. RETURNS: what its gradient is multiplied by."""
        self._first = self._first or weight
        self._all += weight
        return weight / self._first

    def pop_scale(self) -> float:
        """What the sum of gradients has to be multiplied by; the count begins anew."""
        scale = self._first / self._all if self._all else 1.0
        self._first = self._all = 0.0
        return scale

    def all_reduce(self, params: Sequence[torch.nn.Parameter], add_up: AllReduce) -> None:
        """Make the gradients, and the count, those of all workers, each of which calls this.

        params: in the same order everywhere. A worker without a gradient, as its part of the batch held no row with a
            loss, has zeros; a parameter that has none anywhere stays without.
        """
        counts = [self._all, *(float(param.grad is not None) for param in params)]
        told = torch.tensor(counts, dtype=torch.float64, device=params[0].device)
        add_up([told])
        everywhere, *n_used = told.tolist()
        used = [param for param, n in zip(params, n_used, strict=True) if n]
        for param in used:
            if param.grad is None:
                param.grad = torch.zeros_like(param)
            elif param.grad.is_sparse:
                param.grad = param.grad.to_dense()
            param.grad.mul_(self._first)
        add_up([param.grad for param in used if param.grad is not None])
        self._first, self._all = 1.0, everywhere
