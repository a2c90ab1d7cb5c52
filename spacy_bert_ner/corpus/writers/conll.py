"""Write UTF-8 column files with tab-separated words, MISC values and tags; see `conllu_misc`."""

from __future__ import annotations

from pathlib import Path

from ...types import Ints1d
from ..conllu_misc import UNKNOWN, write_document, write_misc
from ..sentence import Sentence
from .record_buffer import RecordBuffer


class ConllWriter:
    """A writer for column files. Add all sentences with `add`, then call `write`.

    folder (Path): folder for the unnamed temporary file.
    """

    def __init__(self, folder: Path) -> None:
        self._buffer = RecordBuffer(folder)
        self._documents: list[str] = []

    def close(self) -> None:
        """Delete the temporary file."""
        self._buffer.close()

    def add(self, sentence: Sentence) -> None:
        """Add a sentence with IOB2 tags. Unknown tags are None."""
        lines = [
            "\t".join((*write_misc(word, space), UNKNOWN if tag is None else tag))
            for word, space, tag in zip(sentence.words, sentence.spaces_after(), sentence.tags, strict=True)
        ]
        self._buffer.add(("\n".join(lines) + "\n\n").encode())
        self._documents.append(sentence.document)

    def write(self, path: Path, order: Ints1d | None = None) -> None:
        """Write all added sentences to a file.

        path (Path): the output file.
        order: indices of all sentences in output order. Default: None, the order in which they were added. *Shape:*
            `(n_sentences,)`
        """
        document: str | None = None  # always start with a `-DOCSTART-` row, which identifies the layout
        indices = range(len(self._documents)) if order is None else order.tolist()
        with path.open("wb") as file:
            for index, record in zip(indices, self._buffer.pieces(order), strict=True):
                if self._documents[index] != document:
                    document = self._documents[index]
                    file.write(("\t".join(write_document(document)) + "\n\n").encode())
                file.write(record)
