"""Write annotated documents to a shard."""

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
    """Convert an annotated document to a row.

    doc (Doc): the document.
    id_ (str): its id.
    kept (Mapping[str, Any]): values of the columns to keep.
    with_text (bool): whether the row has the text.
    RETURNS (Row): the row. Offsets of entities are in characters of the text.
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
    """Writer of a shard."""

    def write(self, rows: Sequence[Row], docs: Sequence[Doc]) -> dict[int, str]:
        """Add documents, given as rows and as Docs.

        rows (Sequence[Row]): the documents as `row_of` returns them.
        docs (Sequence[Doc]): the same documents.
        RETURNS (dict[int, str]): the reasons of documents that cannot be written, by their index. They are left out.
        """

    def close(self) -> None:
        """Write what is buffered. The stream stays open."""


class ParquetShard:
    """A Parquet table with one row per document."""

    def __init__(self, stream: Any, schema: pa.Schema) -> None:
        self.writer, self.schema = pq.ParquetWriter(stream, schema, compression="zstd"), schema

    def write(self, rows: Sequence[Row], docs: Sequence[Doc]) -> dict[int, str]:
        if rows:
            self.writer.write_table(pa.Table.from_pylist(list(rows), schema=self.schema))
        return {}

    def close(self) -> None:
        self.writer.close()


class JsonlShard:
    """One line of JSON per document, in UTF-8."""

    def __init__(self, stream: Any, schema: pa.Schema) -> None:
        self.stream = stream

    def write(self, rows: Sequence[Row], docs: Sequence[Doc]) -> dict[int, str]:
        for row in rows:
            # JSON has no dates and similar types, so write them as strings.
            self.stream.write(f"{json.dumps(row, ensure_ascii=False, default=str)}\n".encode())
        return {}

    def close(self) -> None:
        """Do nothing, as nothing is buffered."""


class SpacyShard:
    """A DocBin. The user data of each Doc holds the id and the kept columns."""

    def __init__(self, stream: Any, schema: pa.Schema) -> None:
        self.stream, self.docs = stream, DocBin(store_user_data=True)

    def write(self, rows: Sequence[Row], docs: Sequence[Doc]) -> dict[int, str]:
        failed = {}
        for i, (row, doc) in enumerate(zip(rows, docs, strict=True)):
            doc.user_data = {key: value for key, value in row.items() if key not in ("text", "entities")}
            single = DocBin(store_user_data=True)  # a Doc that fails would leave a part of itself in the shared DocBin
            try:
                single.add(doc)
            except Exception as e:  # for example span groups with tokens that were merged later
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
"""Shard writers by file suffix."""


def misfit(rows: Sequence[Row], schema: pa.Schema) -> dict[int, str]:
    """Find the rows that cannot be written.

    The usual causes are a value that does not have the type of its column, and half of a surrogate pair.

    rows (Sequence[Row]): the rows.
    schema (pa.Schema): the schema of the shard.
    RETURNS (dict[int, str]): the reasons, by index of the row.
    """
    try:
        pa.Table.from_pylist(list(rows), schema=schema)
        return {}
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as e:
        if len(rows) == 1:
            return {0: " ".join(f"{type(e).__name__}: {e}".split())[:300]}
    errors = {i: misfit([row], schema) for i, row in enumerate(rows)}
    return {i: error[0] for i, error in errors.items() if error}
