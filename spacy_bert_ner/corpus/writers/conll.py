"""Write columns: word, MISC and tag, by tabs, in UTF-8; see `misc_column`."""

from __future__ import annotations

from pathlib import Path

from ...types import Ints1d
from ..misc_column import UNKNOWN, write_document, write_misc
from ..sentence import Sentence
from .temp_records import RecordBuffer


class ConllWriter:
    """Collects sentences; `write` makes the file.

    folder (Path): where the temporary file lies, which has no name there.
    """

    def __init__(self, folder: Path) -> None:
        self._spool = RecordBuffer(folder)
        self._documents: list[str] = []

    def close(self) -> None:
        """Remove the temporary file."""
        self._spool.close()

    def add(self, sentence: Sentence) -> None:
        """Add a sentence, whose tags are in IOB2, None where unknown."""
        rows = [
            "\t".join((*write_misc(word, space), UNKNOWN if tag is None else tag))
            for word, space, tag in zip(sentence.words, sentence.spaces_after(), sentence.tags, strict=True)
        ]
        self._spool.add(("\n".join(rows) + "\n\n").encode())
        self._documents.append(sentence.document)

    def write(self, path: Path, order: Ints1d | None = None) -> None:
        """Write the file.

        order: the places of all sentences, that of the first to come first; None for the order of the calls of `add`.
        """
        document: str | None = None  # the first row always tells the layout
        places = range(len(self._documents)) if order is None else order.tolist()
        with path.open("wb") as file:
            for place, rows in zip(places, self._spool.pieces(order), strict=True):
                if self._documents[place] != document:
                    document = self._documents[place]
                    file.write(("\t".join(write_document(document)) + "\n\n").encode())
                file.write(rows)
