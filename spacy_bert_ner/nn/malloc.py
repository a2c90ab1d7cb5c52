"""Configure how the C library reuses the memory that a forward pass frees."""

from __future__ import annotations

from functools import cache

import torch

LARGEST = (32 << 20) - (64 << 10)
"""Approximate size of the largest block that glibc adapts its thresholds to, in bytes: `DEFAULT_MMAP_THRESHOLD_MAX` of
`mallopt(3)`."""


@cache
def keep_freed_memory() -> None:
    """Let the heap keep up to 64 MB of free memory at its end, instead of twice the largest block freed so far.

    glibc returns free memory beyond that limit to the system. A forward pass allocates and frees megabytes of tensors.
    Without this function, each of them is requested again and zeroed page by page. That costs a twelfth of the time in
    float32, and an eighth in eight bits.

    The limit grows with the largest block ever freed that had separate pages (`M_MMAP_THRESHOLD` in `mallopt(3)`).
    Freeing one large block is therefore enough. The block is never written to, so it takes no memory. Other C libraries
    ignore this, and the environment variable `MALLOC_TRIM_THRESHOLD_` overrides it.
    """
    torch.empty(LARGEST, dtype=torch.uint8)
