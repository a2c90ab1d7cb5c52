"""Weight accumulated gradients by the number of labelled rows, across batches and workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

AllReduce = Callable[[Sequence[torch.Tensor]], None]
"""A function that adds the corresponding tensors from all other workers to each tensor in place."""


class GradientAccumulator:
    """A counter for the weights of labelled rows in the first batch and in all batches since the last step.

    Each batch contributes the gradient of its mean loss, multiplied by the ratio of its weight to the first batch's
    weight. A single batch therefore leaves the gradient unchanged.
    """

    def __init__(self) -> None:
        self._first = self._all = 0.0

    def add_batch(self, weight: float) -> float:
        """Add the weight of a batch, and return the factor for its gradient.

        weight (float): sum of the weights of the batch's labelled rows.
        RETURNS (float): factor by which to multiply the batch's gradient.
        """
        self._first = self._first or weight
        self._all += weight
        return weight / self._first

    def pop_scale(self) -> float:
        """Return the factor for the accumulated gradients, and reset the counts."""
        scale = self._first / self._all if self._all else 1.0
        self._first = self._all = 0.0
        return scale

    def all_reduce(self, params: Sequence[torch.nn.Parameter], add_up: AllReduce) -> None:
        """Sum the gradients and the weights across all workers. Every worker must call this method.

        If a worker has no gradients because its share of the batch has no labelled rows, it contributes zeros. If no
        worker has a gradient for a parameter, the parameter stays without a gradient.

        params (Sequence[torch.nn.Parameter]): parameters in the same order on every worker.
        add_up (AllReduce): function that sums tensors across workers.
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
