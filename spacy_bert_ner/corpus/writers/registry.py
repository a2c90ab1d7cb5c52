"""Define the output formats."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Protocol

from ...errors import CorpusError, Errors
from ...types import Ints1d
from ..options import reject_option
from ..sentence import Sentence
from .conll import ConllWriter
from .docbin import DocBinWriter
from .jsonl import JsonlWriter
from .parquet import ParquetWriter


class Writer(Protocol):
    """A writer for an output format. It collects sentences in temporary files instead of memory."""

    def add(self, sentence: Sentence) -> None:
        """Add a sentence with IOB2 tags. Unknown tags are None."""

    def write(self, path: Path, order: Ints1d | None = None) -> None:
        """Write all sentences to a file in the given order, or as they were added if `order` is None."""

    def close(self) -> None:
        """Delete the temporary files."""


class Target(NamedTuple):
    """An output format."""

    suffix: str
    """Suffix of the output files."""
    writer: Callable[[Path, set[str]], Writer]
    """Function that creates a writer. Its arguments are the folder for temporary files and the set of labels in all
    files that are written together."""
    package: str | None = None
    """Package that the format requires; None if it requires no package."""
    keeps_incorrect: bool = False
    """Whether the files can store spans that are known not to be entities."""


TARGETS = {
    "spacy": Target(".spacy", lambda folder, labels: DocBinWriter(folder), keeps_incorrect=True),
    "conll": Target(".conll", lambda folder, labels: ConllWriter(folder)),
    "jsonl": Target(".jsonl", lambda folder, labels: JsonlWriter(folder), keeps_incorrect=True),
    "parquet": Target(".parquet", ParquetWriter, "pyarrow"),
}


def find_target(name: str) -> Target:
    """Look up an output format by name.

    name (str): a key in `TARGETS`.
    RETURNS (Target): the output format.
    RAISES CorpusError: the format does not exist, or a package that it requires is not installed.
    """
    if name not in TARGETS:
        reject_option("--to", name, ", ".join(TARGETS))
    target = TARGETS[name]
    if target.package is not None and not _is_installed(target.package):
        others = ", ".join(other for other, kind in TARGETS.items() if kind.package is None)
        raise CorpusError(Errors.no_pyarrow_to_write.format(others=others))
    return target


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # the entry in `sys.modules` is not a module
        return False
