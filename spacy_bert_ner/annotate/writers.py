"""Annotated documents, written."""

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
    """An annotated document as a row: places of entities in characters of its text."""
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
    """A file of annotated documents that is being written."""

    def write(self, rows: Sequence[Row], docs: Sequence[Doc]) -> dict[int, str]:
        """Add documents, as rows and as Docs.

        RETURNS: why documents cannot be written, by their index. They are left out.
        """

    def close(self) -> None:
        """Write what is left."""


class ParquetShard:
    """A table with a row a document."""

    def __init__(self, stream: Any, schema: pa.Schema) -> None:
        self.writer, self.schema = pq.ParquetWriter(stream, schema, compression="zstd"), schema

    def write(self, rows: Sequence[Row], docs: Sequence[Doc]) -> dict[int, str]:
        if rows:
            self.writer.write_table(pa.Table.from_pylist(list(rows), schema=self.schema))
        return {}

    def close(self) -> None:
        self.writer.close()


class JsonlShard:
    """A line of JSON a document, in UTF-8."""

    def __init__(self, stream: Any, schema: pa.Schema) -> None:
        self.stream = stream

    def write(self, rows: Sequence[Row], docs: Sequence[Doc]) -> dict[int, str]:
        for row in rows:
            # Dates and the like, which JSON does not know, as text.
            self.stream.write(f"{json.dumps(row, ensure_ascii=False, default=str)}\n".encode())
        return {}

    def close(self) -> None:
        """There is nothing left."""


class SpacyShard:
    """A DocBin, with the id and the kept columns in the user data of each Doc."""

    def __init__(self, stream: Any, schema: pa.Schema) -> None:
        self.stream, self.docs = stream, DocBin(store_user_data=True)

    def write(self, rows: Sequence[Row], docs: Sequence[Doc]) -> dict[int, str]:
        failed = {}
        for i, (row, doc) in enumerate(zip(rows, docs, strict=True)):
            doc.user_data = {key: value for key, value in row.items() if key not in ("text", "entities")}
            one = DocBin(store_user_data=True)  # a Doc that fails would leave a part of itself in that of all
            try:
                one.add(doc)
            except Exception as e:  # span groups with tokens that were merged since, or whatever else is in the Doc
                failed[i] = format_exception(e)
            else:
                self.docs.merge(one)
        return failed

    def close(self) -> None:
        self.stream.write(self.docs.to_bytes())


SHARDS: dict[str, type[ParquetShard] | type[JsonlShard] | type[SpacyShard]] = {
    "parquet": ParquetShard,
    "jsonl": JsonlShard,
    "spacy": SpacyShard,
}
"""By the ending of their names."""


def misfit(rows: Sequence[Row], schema: pa.Schema) -> dict[int, str]:
    """Rows that cannot be written, and why: a value of another type than its column, half a surrogate pair."""
    try:
        pa.Table.from_pylist(list(rows), schema=schema)
        return {}
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as e:
        if len(rows) == 1:
            return {0: " ".join(f"{type(e).__name__}: {e}".split())[:300]}
    each = {i: misfit([row], schema) for i, row in enumerate(rows)}
    return {i: found[0] for i, found in each.items() if found}
