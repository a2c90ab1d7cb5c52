"""Buffer records in a temporary file until they are written in output order."""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from ...types import Ints1d


class RecordBuffer:
    """An unnamed temporary file to which records are appended.

    folder (Path): folder for the temporary file.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by `close`
        self._sizes = array("q")

    def __len__(self) -> int:
        return len(self._sizes)

    def close(self) -> None:
        """Delete the temporary file."""
        self._file.close()

    def add(self, piece: bytes) -> None:
        """Append a record."""
        self._file.write(piece)
        self._sizes.append(len(piece))

    def pieces(self, order: Ints1d | None = None) -> Iterator[bytes]:
        """Yield all records in output order.

        order: indices of the records in output order. Default: None, the order in which they were added. *Shape:*
            `(n,)`
        """
        sizes = np.array(self._sizes, dtype=np.int64)
        return pieces(self._file, sizes, np.arange(len(sizes)) if order is None else order)


def pieces(file: IO[bytes], sizes: Ints1d, order: Ints1d) -> Iterator[bytes]:
    """Yield the pieces of a file, such as records, in output order.

    file: the file, open for reading.
    sizes: number of bytes in each piece, in file order. *Shape:* `(n,)`
    order: indices of the pieces in output order. *Shape:* `(n,)`
    """
    file.flush()
    begins = (np.cumsum(sizes) - sizes)[order]
    for begin, size in zip(begins, sizes[order], strict=True):
        yield os.pread(file.fileno(), int(size), int(begin))
