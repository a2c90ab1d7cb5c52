"""Weight accumulated gradients by the number of labelled rows, across batches and workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

AllReduce = Callable[[Sequence[torch.Tensor]], None]
"""A function that adds to each tensor the corresponding tensors of all other workers, in place."""


class GradientAccumulator:
    """Count the weight of the labelled rows since the last step, in the first batch and in all batches.

    Each batch adds the gradient of its mean loss, multiplied by its weight relative to that of the first batch. With a
    single batch, the gradient is therefore unchanged.
    """

    def __init__(self) -> None:
        self._first = self._all = 0.0

    def add_batch(self, weight: float) -> float:
        """Add the weight of a batch.

        weight (float): sum of the weights of the batch's labelled rows.
        RETURNS (float): factor for the gradient of the batch.
        """
        self._first = self._first or weight
        self._all += weight
        return weight / self._first

    def pop_scale(self) -> float:
        """Return the factor for the sum of gradients, and reset the counts."""
        scale = self._first / self._all if self._all else 1.0
        self._first = self._all = 0.0
        return scale

    def all_reduce(self, params: Sequence[torch.nn.Parameter], add_up: AllReduce) -> None:
        """Sum the gradients and the weights over all workers. Every worker must call this.

        params (Sequence[torch.nn.Parameter]): the parameters, in the same order on every worker. If a worker has no
            gradient, because its part of the batch had no labelled rows, it contributes zeros. A parameter without a
            gradient on any worker stays without one.
        add_up (AllReduce): sums tensors over the workers.
        """
        local_counts = [self._all, *(float(param.grad is not None) for param in params)]
        counts = torch.tensor(local_counts, dtype=torch.float64, device=params[0].device)
        add_up([counts])
        total_weight, *n_workers = counts.tolist()
        used = [param for param, n in zip(params, n_workers, strict=True) if n]
        for param in used:
            if param.grad is None:
                param.grad = torch.zeros_like(param)
            elif param.grad.is_sparse:
                param.grad = param.grad.to_dense()
            param.grad.mul_(self._first)
        add_up([param.grad for param in used if param.grad is not None])
        self._first, self._all = 1.0, total_weight
