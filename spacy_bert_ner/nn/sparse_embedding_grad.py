"""Handle the gradient of the embedding table as sparse rows, since a batch uses few of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch


class SparseEmbeddingGrad:
    """Convert sparse gradients to dense ones in a table of zeros that is reused from step to step.

    In the backward pass, torch allocates a table of zeros for each batch: 47 MB with 30,522 embeddings of 384 numbers.
    The operating system provides memory of that size afresh each time. On a CPU, this costs up to a quarter of a
    training step. Embeddings therefore have sparse gradients, and one table serves all steps.

    The update itself must be dense. Adam's moments and weight decay also change rows without a gradient.
    """

    def __init__(self) -> None:
        self._table: torch.Tensor | None = None

    @contextmanager
    def spread(self, params: Sequence[torch.nn.Parameter], *, is_kept: bool) -> Iterator[None]:
        """Convert the sparse gradients of parameters to dense ones inside the block.

        params (Sequence[torch.nn.Parameter]): the parameters of a step.
        is_kept (bool): whether the gradients are still used after the block. They then get a new table.
        """
        touched = [param for param in params if param.grad is not None and param.grad.is_sparse]
        for param in touched:
            rows = param.grad.coalesce()  # type: ignore[union-attr]
            table = torch.zeros_like(param) if is_kept or len(touched) > 1 else self._zeros(param)
            param.grad = table.detach().index_copy_(0, rows.indices()[0], rows.values())
        try:
            yield
        finally:
            # All rows: L2 regularization in the optimizer adds to the gradient of every row.
            if touched and not is_kept and self._table is not None:
                self._table.zero_()

    def _zeros(self, param: torch.nn.Parameter) -> torch.Tensor:
        if self._table is None or self._table.shape != param.shape or self._table.device != param.device:
            self._table = torch.zeros_like(param, requires_grad=False)
        return self._table
