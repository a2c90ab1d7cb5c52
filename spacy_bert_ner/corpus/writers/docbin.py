"""Write spaCy's DocBin files one sentence after the other, in memory that does not grow with their length.

`spacy.tokens.DocBin` holds all Docs, and twice as much when it is written. Its file is a compressed MessagePack map:
this writer lays tokens down in temporary files and puts the parts together at the end. What it writes is what
`DocBin(attrs=["ENT_IOB", "ENT_TYPE"], store_user_data=True)` does.
"""

from __future__ import annotations

import struct
import tempfile
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from spacy.strings import StringStore
from spacy.tokens import DocBin
from spacy.vocab import Vocab
from srsly import msgpack

from ...errors import CorpusError, Errors
from ...types import Ints1d
from ..sentence import Sentence, to_doc
from .temp_records import pieces

DOCUMENT = "document"
"""Key in `doc.user_data` of the name of the document that a sentence is from."""
_IOB = {"B": 3, "I": 1, "O": 2, "": 0}  # `token.ent_iob`
_BUFFER = 1 << 16  # tokens that are put into the files together
_MOST_BYTES = 2**32 - 1  # of one part of a MessagePack map


class DocBinWriter:
    """Collects sentences; `write` makes the file.

    folder (Path): where the temporary files lie, which have no name there.
    """

    def __init__(self, folder: Path) -> None:
        # Columns of the tokens: the word, then IOB and label of the entity.
        self._attrs = DocBin(attrs=["ENT_IOB", "ENT_TYPE"]).attrs
        self._tokens, self._spaces = (tempfile.TemporaryFile(dir=folder) for _ in range(2))  # noqa: SIM115, see close
        self._lengths = array("i")
        self._documents: list[str] = []
        self._vocab = Vocab()
        self._groups: dict[int, bytes] = {}  # of sentences with incorrect spans
        self._store = StringStore()
        self._words = _Numbers(self._store.add)
        self._rows: list[tuple[int, int]] = []  # IOB and label of each tag
        self._tags = _Numbers(self._add_tag)
        # Of sentences that are not in the files yet.
        self._word_ids: list[int] = []
        self._tag_ids: list[int] = []

    def __len__(self) -> int:
        return len(self._lengths)

    def close(self) -> None:
        """Remove the temporary files."""
        self._tokens.close()
        self._spaces.close()

    def add(self, sentence: Sentence) -> None:
        """Add a sentence, whose tags are in IOB2, None where unknown."""
        self._word_ids.extend(map(self._words.__getitem__, sentence.words))
        self._tag_ids.extend(map(self._tags.__getitem__, sentence.tags))
        self._spaces.write(bytes(sentence.spaces_after()))
        self._lengths.append(len(sentence.words))
        if sentence.incorrect:
            self._groups[len(self._documents)] = to_doc(sentence, self._vocab).spans.to_bytes()
            for entity in sentence.incorrect:
                self._store.add(entity.label)
        self._documents.append(sentence.document)
        if len(self._word_ids) > _BUFFER:
            self._flush()

    def _add_tag(self, tag: str | None) -> int:
        prefix, _, label = ("", "", "") if tag is None else tag.partition("-")
        self._rows.append((_IOB[prefix], self._store.add(label) if label else 0))
        return len(self._rows) - 1

    def _flush(self) -> None:
        table = np.empty((len(self._word_ids), 3), dtype=np.uint64)
        if len(table):
            table[:, 0] = self._word_ids
            table[:, 1:] = np.array(self._rows, dtype=np.uint64)[self._tag_ids]
        self._tokens.write(table.tobytes())
        self._word_ids.clear()
        self._tag_ids.clear()

    def write(self, path: Path, order: Ints1d | None = None) -> None:
        """Write the file.

        order: the places of all sentences, that of the first to come first; None for the order of the calls of `add`.
        RAISES CorpusError: there are more tokens than one file can hold.
        """
        self._flush()
        places = np.arange(len(self)) if order is None else order
        lengths = np.array(self._lengths, dtype=np.int64)
        documents = [self._documents[i] for i in places]
        # One packer for all, as each looks up the encoders of srsly anew when it is made.
        pack = msgpack.Packer(use_bin_type=True).pack
        data = {name: pack({DOCUMENT: name} if name else {}) for name in set(documents)}
        n = len(self)
        entries: dict[str, Iterable[bytes]] = {
            "version": [pack("0.1")],
            "attrs": [pack(self._attrs)],
            "tokens": _binary(self._tokens, lengths, 8 * len(self._attrs), places),
            "spaces": _binary(self._spaces, lengths, 1, places),
            "lengths": [pack(lengths[places].astype(np.int32).tobytes())],
            "strings": [pack(sorted(self._store))],
            "cats": [pack([{}] * n)],
            "flags": [pack([{"has_unknown_spaces": False}] * n)],
            "span_groups": [pack([self._groups.get(i, b"") for i in places.tolist()])],
            "user_data": [pack([data[name] for name in documents])],
        }
        compressor = zlib.compressobj()
        with path.open("wb") as file:
            file.write(compressor.compress(bytes([0x80 | len(entries)])))
            for key, parts in entries.items():
                file.write(compressor.compress(pack(key)))
                for part in parts:
                    file.write(compressor.compress(part))
            file.write(compressor.flush())


class _Numbers(dict[Any, int]):
    """The number of each string, which is made when it is first asked for."""

    def __init__(self, make: Callable[[Any], int]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: Any) -> int:
        number = self[key] = self._make(key)
        return number


def _binary(file: IO[bytes], lengths: Ints1d, width: int, places: Ints1d) -> Iterator[bytes]:
    """A MessagePack byte string of parts of a file in another order.

    lengths: rows of each part, in the order of the file. *Shape:* `(n,)`
    width: bytes of a row.
    places: the parts in their new order. *Shape:* `(n,)`
    """
    sizes = lengths * width
    total = int(sizes.sum())
    if total > _MOST_BYTES:
        raise CorpusError(Errors.too_many_tokens.format(n=int(lengths.sum())))
    yield b"\xc6" + struct.pack(">I", total)
    yield from pieces(file, sizes, places)
