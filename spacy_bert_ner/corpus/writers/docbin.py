"""Write spaCy's DocBin files sentence by sentence, without keeping all tokens in memory.

`spacy.tokens.DocBin` keeps all Docs in memory and needs twice as much memory while it writes them. Its file is a
compressed MessagePack map. This writer stores tokens in temporary files and assembles the map at the end. The output is
the same as that of `DocBin(attrs=["ENT_IOB", "ENT_TYPE"], store_user_data=True)`.
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
from .record_buffer import pieces

DOCUMENT = "document"
"""Key in `doc.user_data` for the name of the document that contains a sentence."""
_IOB = {"B": 3, "I": 1, "O": 2, "": 0}  # values of `token.ent_iob`
_BUFFER = 1 << 16  # number of tokens per write to the temporary files
_MOST_BYTES = 2**32 - 1  # maximum number of bytes in a MessagePack byte string


class DocBinWriter:
    """A writer for `.spacy` files. Add all sentences with `add`, then call `write`.

    folder (Path): folder for the unnamed temporary files.
    """

    def __init__(self, folder: Path) -> None:
        # Columns of the token table: the word, the IOB code and the entity label.
        self._attrs = DocBin(attrs=["ENT_IOB", "ENT_TYPE"]).attrs
        self._tokens, self._spaces = (tempfile.TemporaryFile(dir=folder) for _ in range(2))  # noqa: SIM115  # closed by `close`
        self._lengths = array("i")
        self._documents: list[str] = []
        self._vocab = Vocab()
        self._groups: dict[int, bytes] = {}  # sentence index → span groups with incorrect spans
        self._store = StringStore()
        self._words = _Numbers(self._store.add)
        self._rows: list[tuple[int, int]] = []  # IOB code and label of each tag
        self._tags = _Numbers(self._add_tag)
        # Words and tags that are not yet in the temporary files.
        self._word_ids: list[int] = []
        self._tag_ids: list[int] = []

    def __len__(self) -> int:
        return len(self._lengths)

    def close(self) -> None:
        """Delete the temporary files."""
        self._tokens.close()
        self._spaces.close()

    def add(self, sentence: Sentence) -> None:
        """Add a sentence with IOB2 tags. Unknown tags are None."""
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
        """Write all added sentences to a file.

        path (Path): the output file.
        order: indices of all sentences in output order. Default: None, the order in which they were added. *Shape:*
            `(n_sentences,)`
        RAISES CorpusError: there are more tokens than one file can store.
        """
        self._flush()
        indices = np.arange(len(self)) if order is None else order
        lengths = np.array(self._lengths, dtype=np.int64)
        documents = [self._documents[i] for i in indices]
        # Reuse one packer, because each new packer looks up the srsly encoders again.
        pack = msgpack.Packer(use_bin_type=True).pack
        data = {name: pack({DOCUMENT: name} if name else {}) for name in set(documents)}
        n = len(self)
        entries: dict[str, Iterable[bytes]] = {
            "version": [pack("0.1")],
            "attrs": [pack(self._attrs)],
            "tokens": _binary(self._tokens, lengths, 8 * len(self._attrs), indices),
            "spaces": _binary(self._spaces, lengths, 1, indices),
            "lengths": [pack(lengths[indices].astype(np.int32).tobytes())],
            "strings": [pack(sorted(self._store))],
            "cats": [pack([{}] * n)],
            "flags": [pack([{"has_unknown_spaces": False}] * n)],
            "span_groups": [pack([self._groups.get(i, b"") for i in indices.tolist()])],
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
    """A map from values to numbers, which are created on first use."""

    def __init__(self, make: Callable[[Any], int]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: Any) -> int:
        number = self[key] = self._make(key)
        return number


def _binary(file: IO[bytes], lengths: Ints1d, width: int, order: Ints1d) -> Iterator[bytes]:
    """Yield the chunks of a MessagePack byte string that contains the sentences in output order.

    file: the file with the data for all tokens, open for reading.
    lengths: number of tokens in each sentence, in file order. *Shape:* `(n,)`
    width (int): number of bytes per token.
    order: indices of the sentences in output order. *Shape:* `(n,)`
    RAISES CorpusError: the string would exceed MessagePack's maximum length.
    """
    sizes = lengths * width
    total = int(sizes.sum())
    if total > _MOST_BYTES:
        raise CorpusError(Errors.too_many_tokens.format(n=int(lengths.sum())))
    yield b"\xc6" + struct.pack(">I", total)
    yield from pieces(file, sizes, order)
