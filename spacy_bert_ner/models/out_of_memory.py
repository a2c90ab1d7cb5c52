"""Handle out-of-memory errors: split a batch that does not fit in GPU memory, and explain the error."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from ..errors import BertNerError, Errors


@contextmanager
def translate_out_of_memory() -> Iterator[None]:
    """Translate torch's out-of-memory errors.

    RAISES BertNerError: torch ran out of memory.
    """
    try:
        yield
    except RuntimeError as e:
        if not isinstance(e, torch.cuda.OutOfMemoryError) and "allocate memory" not in str(e):
            raise
        raise BertNerError(Errors.no_memory.format(reason=e)) from e


def run_halving_on_out_of_memory(
    run: Callable[..., torch.Tensor], inputs: Sequence[Any], *, can_halve: bool
) -> torch.Tensor:
    """Run a batch. If it does not fit in GPU memory, run its halves one after the other.

    run: the forward pass.
    inputs: padded ids and mask, which can be halved, or the arguments of a forward pass without padding.
    can_halve: whether halving can help. In training, both halves would be in memory at the same time.
    """
    n = len(inputs[0])
    try:
        return run(*inputs)
    except torch.cuda.OutOfMemoryError:
        if not can_halve or n < 2:
            raise
    # This code is outside the `except` block, in which the traceback would keep the batch in memory.
    torch.cuda.empty_cache()
    halves = [[part[: n // 2] for part in inputs], [part[n // 2 :] for part in inputs]]
    return torch.cat([run_halving_on_out_of_memory(run, half, can_halve=True) for half in halves])
