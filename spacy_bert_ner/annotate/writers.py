"""Write annotated documents to shards."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from spacy.tokens import Doc, DocBin

from ..errors import format_exception
from ..util.doc_entities import entity_score

Row = dict[str, Any]


def row_of(doc: Doc, id_: str, kept: Mapping[str, Any], *, with_text: bool) -> Row:
    """Convert an annotated document to an output row.

    doc (Doc): the annotated document.
    id_ (str): document ID.
    kept (Mapping[str, Any]): values to copy from the input, by column name.
    with_text (bool): whether to include the text in the row.
    RETURNS (Row): the row. Entity offsets are in characters.
    """
    entities = [
        {
            "start": ent.start_char,
            "end": ent.end_char,
            "text": ent.text,
            "label": ent.label_,
            "score": entity_score(ent),
        }
        for ent in doc.ents
    ]
    return {"id": id_, **({"text": doc.text} if with_text else {}), "entities": entities, **kept}


class ShardWriter(Protocol):
    """A writer for one shard."""

    def write(self, rows: Sequence[Row], docs: Sequence[Doc]) -> dict[int, str]:
        """Add documents to the shard, skipping documents that cannot be written.

        rows (Sequence[Row]): the documents as rows, in the format that `row_of` returns.
        docs (Sequence[Doc]): the same documents as Docs.
        RETURNS (dict[int, str]): the reasons why documents were skipped, by document index.
        """

    def close(self) -> None:
        """Write all buffered data. The stream stays open."""


class ParquetShard:
    """A writer for a Parquet table with one row per document.

    stream (Any): binary output stream.
    schema (pa.Schema): schema of the rows.
    """

    def __init__(self, stream: Any, schema: pa.Schema) -> None:
        self.writer, self.schema = pq.ParquetWriter(stream, schema, compression="zstd"), schema

    def write(self, rows: Sequence[Row], docs: Sequence[Doc]) -> dict[int, str]:
        if rows:
            self.writer.write_table(pa.Table.from_pylist(list(rows), schema=self.schema))
        return {}

    def close(self) -> None:
        self.writer.close()


class JsonlShard:
    """A writer for UTF-8 JSON Lines with one line per document.

    stream (Any): binary output stream.
    schema (pa.Schema): schema of the rows. It is ignored.
    """

    def __init__(self, stream: Any, schema: pa.Schema) -> None:
        self.stream = stream

    def write(self, rows: Sequence[Row], docs: Sequence[Doc]) -> dict[int, str]:
        for row in rows:
            # JSON does not support dates and some other types, so write these values as strings.
            self.stream.write(f"{json.dumps(row, ensure_ascii=False, default=str)}\n".encode())
        return {}

    def close(self) -> None:
        """Do nothing. No data is buffered."""


class SpacyShard:
    """A writer for a DocBin. Each Doc's user data holds the document ID and the kept columns.

    stream (Any): binary output stream.
    schema (pa.Schema): schema of the rows. It is ignored.
    """

    def __init__(self, stream: Any, schema: pa.Schema) -> None:
        self.stream, self.docs = stream, DocBin(store_user_data=True)

    def write(self, rows: Sequence[Row], docs: Sequence[Doc]) -> dict[int, str]:
        failed = {}
        for i, (row, doc) in enumerate(zip(rows, docs, strict=True)):
            doc.user_data = {key: value for key, value in row.items() if key not in ("text", "entities")}
            # Use a separate DocBin for each Doc. A Doc that fails would leave incomplete data in a shared DocBin.
            single = DocBin(store_user_data=True)
            try:
                single.add(doc)
            except Exception as e:  # for example, for span groups with tokens that were merged later
                failed[i] = format_exception(e)
            else:
                self.docs.merge(single)
        return failed

    def close(self) -> None:
        self.stream.write(self.docs.to_bytes())


SHARDS: dict[str, type[ParquetShard] | type[JsonlShard] | type[SpacyShard]] = {
    "parquet": ParquetShard,
    "jsonl": JsonlShard,
    "spacy": SpacyShard,
}
"""Shard writers by shard format, which is also the file suffix."""


def misfit(rows: Sequence[Row], schema: pa.Schema) -> dict[int, str]:
    """Find rows that do not fit a schema.

    The usual causes are values that do not match the type of their column, and unpaired surrogates.

    rows (Sequence[Row]): the rows.
    schema (pa.Schema): schema of the shard.
    RETURNS (dict[int, str]): the reasons why rows do not fit, by row index.
    """
    try:
        pa.Table.from_pylist(list(rows), schema=schema)
        return {}
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as e:
        if len(rows) == 1:
            return {0: " ".join(f"{type(e).__name__}: {e}".split())[:300]}
    errors = {i: misfit([row], schema) for i, row in enumerate(rows)}
    return {i: error[0] for i, error in errors.items() if error}
