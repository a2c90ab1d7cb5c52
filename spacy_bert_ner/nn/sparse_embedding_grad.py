"""The gradient of the table of embeddings, of which a batch touches few rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch


class SparseEmbeddingGrad:
    """Spreads sparse gradients over a table of zeros that is kept from step to step.

    On the way back, torch makes a table of zeros for each batch: 47 MB with 30,522 embeddings of 384 numbers. Memory of
    that size comes fresh from the operating system each time, which costs a CPU up to a quarter of a training step. So
    embeddings give their gradient as rows (`sparse`), and one table serves all steps. The update itself has to touch
    every row: Adam's moments move the weights of rows without a gradient too, as does weight decay.
    """

    def __init__(self) -> None:
        self._table: torch.Tensor | None = None

    @contextmanager
    def spread(self, params: Sequence[torch.nn.Parameter], *, is_kept: bool) -> Iterator[None]:
        """Make the gradients dense for the length of the block.

        is_kept (bool): someone holds on to them behind the block, and is to have a table of their own.
        """
        touched = [param for param in params if param.grad is not None and param.grad.is_sparse]
        for param in touched:
            rows = param.grad.coalesce()  # type: ignore[union-attr]
            table = torch.zeros_like(param) if is_kept or len(touched) > 1 else self._zeros(param)
            param.grad = table.detach().index_copy_(0, rows.indices()[0], rows.values())
        try:
            yield
        finally:
            # All of it, as L2 in an optimizer's arithmetic is added to the gradient of every row.
            if touched and not is_kept and self._table is not None:
                self._table.zero_()

    def _zeros(self, param: torch.nn.Parameter) -> torch.Tensor:
        if self._table is None or self._table.shape != param.shape or self._table.device != param.device:
            self._table = torch.zeros_like(param, requires_grad=False)
        return self._table
