"""What has to be seen to wherever MessagePack is read."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unpacking() -> Iterator[None]:
    """Keep Python collecting garbage. srsly stops that while it reads, and where it fails it never goes on."""
    was_enabled = gc.isenabled()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
