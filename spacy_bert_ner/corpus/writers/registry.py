"""The table of formats that are written."""

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
    """Collects the sentences of a file in temporary ones, and writes it in memory that does not grow with them."""

    def add(self, sentence: Sentence) -> None:
        """Add a sentence, whose tags are in IOB2, None where unknown."""

    def write(self, path: Path, order: Ints1d | None = None) -> None:
        """Write the file: the sentences at these places, or in the order of the calls of `add`."""

    def close(self) -> None:
        """Remove the temporary files."""


class Target(NamedTuple):
    """One format that is written."""

    suffix: str
    """How the names of its files end."""
    writer: Callable[[Path, set[str]], Writer]
    """Takes the folder for temporary files, and a set of the labels of all files that are written together."""
    package: str | None = None
    """What has to be installed for it."""
    keeps_incorrect: bool = False
    """Whether its files hold spans that are known to be no entities."""


TARGETS = {
    "spacy": Target(".spacy", lambda folder, labels: DocBinWriter(folder), keeps_incorrect=True),
    "conll": Target(".conll", lambda folder, labels: ConllWriter(folder)),
    "jsonl": Target(".jsonl", lambda folder, labels: JsonlWriter(folder), keeps_incorrect=True),
    "parquet": Target(".parquet", ParquetWriter, "pyarrow"),
}


def find_target(name: str) -> Target:
    """A target by its name.

    RAISES CorpusError: there is none of that name, or what it takes is not installed.
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
    except ValueError:  # what its name stands for in `sys.modules` is no module
        return False
