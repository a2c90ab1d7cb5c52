"""Keep Python's garbage collection enabled when srsly fails to read MessagePack."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unpacking() -> Iterator[None]:
    """Enable garbage collection again at the end of the block, if it was enabled before the block.

    srsly disables garbage collection while it reads MessagePack, and leaves it disabled if reading fails.
    """
    was_enabled = gc.isenabled()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
