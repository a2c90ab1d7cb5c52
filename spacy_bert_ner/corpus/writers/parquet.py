"""Write Parquet files in the layout of the `datasets` library.

The columns are `tokens`, `ner_tags`, `spaces` and `document`. `ner_tags` contains numbers, and the schema contains the
tag for each number. An unknown tag is null.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...decoding.tag_scheme import tags_of_labels
from ...types import Ints1d
from ..sentence import Sentence, entities
from .record_buffer import RecordBuffer

_MOST_ROWS, _MOST_BYTES = 1000, 1 << 24
"""Maximum numbers of rows and bytes in a row group, which is kept in memory while it is written or read. The bytes
are counted in the temporary file."""


class ParquetWriter:
    """A writer for Parquet files. Add all sentences with `add`, then call `write`.

    folder (Path): folder for the unnamed temporary file.
    labels: set of the labels in all files that are written together. The writers share the set, so that a tag has the
        same number in all files. `add` extends the set, which must be complete before `write` is called.
    """

    def __init__(self, folder: Path, labels: set[str]) -> None:
        self._buffer, self._labels = RecordBuffer(folder), labels

    def close(self) -> None:
        """Delete the temporary file."""
        self._buffer.close()

    def add(self, sentence: Sentence) -> None:
        """Add a sentence with IOB2 tags. Unknown tags are None."""
        self._labels.update(entity.label for entity in entities(sentence.tags))
        row = [sentence.words, sentence.tags, sentence.spaces_after(), sentence.document]
        self._buffer.add(json.dumps(row, ensure_ascii=False).encode())

    def write(self, path: Path, order: Ints1d | None = None) -> None:
        """Write all added sentences to a file.

        path (Path): the output file.
        order: indices of all sentences in output order. Default: None, the order in which they were added. *Shape:*
            `(n_sentences,)`
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = tags_of_labels(self._labels)
        numbers: dict[str | None, int | None] = {None: None, **{name: i for i, name in enumerate(names)}}
        values = {"tokens": pa.string(), "ner_tags": pa.int64(), "spaces": pa.bool_()}
        types = {name: pa.list_(value) for name, value in values.items()}
        schema = pa.schema({**types, "document": pa.string()}, metadata={"huggingface": _features(names)})
        with pq.ParquetWriter(path, schema) as writer:
            for rows in _row_groups(self._buffer.pieces(order)):
                words, tags, spaces, documents = zip(*rows, strict=True)
                columns = [
                    words,
                    [[numbers[tag] for tag in sentence_tags] for sentence_tags in tags],
                    spaces,
                    documents,
                ]
                arrays = [pa.array(column, type) for column, type in zip(columns, schema.types, strict=True)]
                writer.write_table(pa.table(arrays, schema=schema), row_group_size=_MOST_ROWS)


def _row_groups(pieces: Iterator[bytes]) -> Iterator[list[Any]]:
    """Yield row groups that do not exceed the maximum size. A row group is a list of rows."""
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
    """Return the column types for `datasets` as JSON.

    All versions of `datasets` support the list type `Sequence`, which newer versions call `List`.
    """
    lists = {
        "tokens": {"dtype": "string", "_type": "Value"},
        "ner_tags": {"names": list(names), "_type": "ClassLabel"},
        "spaces": {"dtype": "bool", "_type": "Value"},
    }
    columns: dict[str, Any] = {name: {"feature": value, "_type": "Sequence"} for name, value in lists.items()}
    columns["document"] = {"dtype": "string", "_type": "Value"}
    return json.dumps({"info": {"features": columns}})
