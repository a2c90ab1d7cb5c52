"""Write Parquet as the `datasets` library does: `tokens`, `ner_tags` as numbers that the schema names, and beside them
`spaces` and `document`. A tag that is not known is null."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...decoding.tag_scheme import tags_of_labels
from ...types import Ints1d
from ..sentence import Sentence, entities
from .temp_records import RecordBuffer

_MOST_ROWS, _MOST_BYTES = 1000, 1 << 24
"""Of a row group, which is in memory while it is written, and read; bytes as they are in the temporary file."""


class ParquetWriter:
    """Collects sentences; `write` makes the file.

    folder (Path): where the temporary file lies, which has no name there.
    labels: those of the sentences of all files that are written together, so that they number their tags alike. It
        grows while sentences are added, and has to be whole before `write`.
    """

    def __init__(self, folder: Path, labels: set[str]) -> None:
        self._spool, self._labels = RecordBuffer(folder), labels

    def close(self) -> None:
        """Remove the temporary file."""
        self._spool.close()

    def add(self, sentence: Sentence) -> None:
        """Add a sentence, whose tags are in IOB2, None where unknown."""
        self._labels.update(entity.label for entity in entities(sentence.tags))
        row = [sentence.words, sentence.tags, sentence.spaces_after(), sentence.document]
        self._spool.add(json.dumps(row, ensure_ascii=False).encode())

    def write(self, path: Path, order: Ints1d | None = None) -> None:
        """Write the file.

        order: the places of all sentences, that of the first to come first; None for the order of the calls of `add`.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = tags_of_labels(self._labels)
        numbers: dict[str | None, int | None] = {None: None, **{name: i for i, name in enumerate(names)}}
        values = {"tokens": pa.string(), "ner_tags": pa.int64(), "spaces": pa.bool_()}
        types = {name: pa.list_(value) for name, value in values.items()}
        schema = pa.schema({**types, "document": pa.string()}, metadata={"huggingface": _features(names)})
        with pq.ParquetWriter(path, schema) as writer:
            for rows in _groups(self._spool.pieces(order)):
                words, tags, spaces, documents = zip(*rows, strict=True)
                columns = [words, [[numbers[tag] for tag in one] for one in tags], spaces, documents]
                arrays = [pa.array(column, type) for column, type in zip(columns, schema.types, strict=True)]
                writer.write_table(pa.table(arrays, schema=schema), row_group_size=_MOST_ROWS)


def _groups(pieces: Iterator[bytes]) -> Iterator[list[Any]]:
    """The rows of each row group."""
    rows: list[Any] = []
    size = 0
    for piece in pieces:
        if rows and (len(rows) == _MOST_ROWS or size + len(piece) > _MOST_BYTES):
            yield rows
            rows, size = [], 0
        rows.append(json.loads(piece))
        size += len(piece)
    if rows:
        yield rows


def _features(names: tuple[str, ...]) -> str:
    """What `datasets` reads of the columns. All its versions know a list as `Sequence`; newer ones call it `List`."""
    lists = {
        "tokens": {"dtype": "string", "_type": "Value"},
        "ner_tags": {"names": list(names), "_type": "ClassLabel"},
        "spaces": {"dtype": "bool", "_type": "Value"},
    }
    columns: dict[str, Any] = {name: {"feature": value, "_type": "Sequence"} for name, value in lists.items()}
    columns["document"] = {"dtype": "string", "_type": "Value"}
    return json.dumps({"info": {"features": columns}})
