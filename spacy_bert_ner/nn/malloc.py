"""What the C library does with memory that a pass through the encoder gives back."""

from __future__ import annotations

from functools import cache

import torch

LARGEST = (32 << 20) - (64 << 10)
"""The largest block, in bytes and nearly, that glibc learns from: `DEFAULT_MMAP_THRESHOLD_MAX` of `mallopt(3)`."""


@cache
def keep_freed_memory() -> None:
    """Let the heap keep up to 64 MB that are free at its end, instead of twice the largest block that was freed so far.

    glibc gives more than that back to the system. The tensors of a pass come and go by megabytes, so that each would
    be asked for again, and cleared page by page: a twelfth of the time in float32, an eighth in eight bits. The limit
    grows with the largest block that is ever freed, if it had pages of its own (`M_MMAP_THRESHOLD` in `mallopt(3)`), so
    that to free a large one is enough; it is never written to, and takes no memory. Other C libraries, and
    `MALLOC_TRIM_THRESHOLD_` in the environment, go their own way.
    """
    torch.empty(LARGEST, dtype=torch.uint8)
