"""Store the embedding table's gradient as sparse rows, because a batch uses only a few rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch


class SparseEmbeddingGrad:
    """A converter from sparse to dense gradients that reuses one table of zeros in all steps.

    With dense gradients, torch allocates a table of zeros for each batch in the backward pass. For 30,522 embeddings
    with 384 dimensions, the table takes 47 MB, which the operating system allocates anew each time. On a CPU, this
    costs up to a quarter of a training step. Embeddings therefore have sparse gradients, and all steps share one table.

    The update itself must be dense, because Adam's moments and weight decay also change rows that have no gradient.
    """

    def __init__(self) -> None:
        self._table: torch.Tensor | None = None

    @contextmanager
    def spread(self, params: Sequence[torch.nn.Parameter], *, is_kept: bool) -> Iterator[None]:
        """Convert the sparse gradients of parameters to dense gradients for the duration of the `with` block.

        params (Sequence[torch.nn.Parameter]): parameters to update in a step.
        is_kept (bool): whether the gradients are still needed after the `with` block. If so, they get new tables.
        """
        touched = [param for param in params if param.grad is not None and param.grad.is_sparse]
        for param in touched:
            rows = param.grad.coalesce()  # type: ignore[union-attr]
            table = torch.zeros_like(param) if is_kept or len(touched) > 1 else self._zeros(param)
            param.grad = table.detach().index_copy_(0, rows.indices()[0], rows.values())
        try:
            yield
        finally:
            # Clear all rows, because L2 regularization in the optimizer adds to the gradient of every row.
            if touched and not is_kept and self._table is not None:
                self._table.zero_()

    def _zeros(self, param: torch.nn.Parameter) -> torch.Tensor:
        if self._table is None or self._table.shape != param.shape or self._table.device != param.device:
            self._table = torch.zeros_like(param, requires_grad=False)
        return self._table
