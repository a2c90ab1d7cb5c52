"""Read the documents in a shard from the input files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from ..errors import BertNerError, Errors, format_exception
from ..util.msgpack_gc import unpacking
from .sharding import Columns, ShardSpec, delimiter, header_of
from .storage import File, is_compressed, open_input

_PARQUET_BATCH = 256
"""Number of Parquet rows to decompress at once."""
_SKIP_BLOCK = 1 << 20
"""Number of bytes to read at once when skipping the start of a compressed file."""
_READ_BUFFER = 1 << 20
"""Size of the read buffer in bytes."""
_MAX_CSV_FIELD = 1 << 30
"""Maximum number of characters in a CSV field."""


class InputDocument(NamedTuple):
    """An input document before annotation.

    id (str): document ID. Without an ID column, this is the file name and the record number. If each file is one
        document, it is the file name alone.
    text (str | None): the text, or None if it could not be read.
    kept (Mapping[str, Any]): values to copy to the output, by column name.
    reason (str): reason why the text could not be read, or an empty string. Default: an empty string.
    """

    id: str
    text: str | None
    kept: Mapping[str, Any]
    reason: str = ""


def read_documents(spec: ShardSpec, columns: Columns, schema: pa.Schema) -> Iterator[InputDocument]:
    """Read the documents in a shard in order, skipping blank lines.

    spec (ShardSpec): the shard to read.
    columns (Columns): columns to read.
    schema (pa.Schema): output schema. If a kept column has string type, its JSONL values of other types are converted
        to JSON strings.
    YIELDS (InputDocument): each document, including documents whose text cannot be read.
    RAISES BertNerError: a file is damaged or has changed since its records were counted.
    """
    if len(spec.files) > 1 or (spec.files[0].format == "text" and not spec.end):
        yield from map(_read_whole_file, spec.files)
        return
    (file,) = spec.files
    n = 0
    try:
        for n, document in enumerate(_READERS[file.format](spec, file, columns, schema), start=1):
            if document is not None:
                yield document._replace(id=document.id or f"{file.name}:{spec.first + n - 1}")
            if n == spec.n and (spec.is_cut or not spec.end):
                break
    except BertNerError:
        raise
    except Exception as e:  # readers raise many exception types for damaged files
        raise BertNerError(Errors.bad_input.format(path=file.address, reason=format_exception(e))) from e
    if n != spec.n:
        reason = f"expected {spec.n} records from record {spec.first} onwards, but read {n}"
        if file.format in ("csv", "tsv"):
            reason += ". The cause may be a quotation mark in an unquoted field"
        raise BertNerError(Errors.bad_input.format(path=file.address, reason=reason))


def _read_whole_file(file: File) -> InputDocument:
    try:
        with open_input(file.address) as source:
            content = source.read()
    except (OSError, ValueError) as e:
        return InputDocument(file.name, None, {}, format_exception(e))
    try:
        return InputDocument(file.name, content.decode("utf-8-sig"), {})
    except UnicodeDecodeError as e:
        return InputDocument(file.name, None, {}, _describe_invalid_utf8(e))


def _describe_invalid_utf8(e: UnicodeDecodeError) -> str:
    return f"byte {e.start} is not valid UTF-8"


class _LimitedStream(io.RawIOBase):
    """A view of the next `length` bytes in a stream.

    source (Any): binary stream to read from.
    length (int): maximum number of bytes to read.
    """

    def __init__(self, source: Any, length: int) -> None:
        self._source, self._n_left = source, length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._source.read(min(len(buffer), self._n_left))
        buffer[: len(data)] = data
        self._n_left -= len(data)
        return len(data)


@contextmanager
def _open_bytes(spec: ShardSpec, file: File) -> Iterator[io.BufferedReader]:
    """Open a shard's byte range in a file.

    spec (ShardSpec): the shard.
    file (File): the file.
    YIELDS (io.BufferedReader): a stream limited to the byte range.
    """
    with open_input(file.address) as source:
        if is_compressed(file.address):
            n_left = spec.start
            while n_left and (skipped := source.read(min(n_left, _SKIP_BLOCK))):
                n_left -= len(skipped)
        else:
            source.seek(spec.start)
        yield io.BufferedReader(_LimitedStream(source, spec.end - spec.start), _READ_BUFFER)


def _read_lines(spec: ShardSpec, file: File, columns: Columns, schema: pa.Schema) -> Iterator[InputDocument | None]:
    with _open_bytes(spec, file) as source:
        for line in source:
            text, reason = _decode_line(line)
            if reason:
                yield InputDocument("", None, {}, reason)
            else:
                yield InputDocument("", text, {}) if text.strip() else None


def _decode_line(line: bytes) -> tuple[str, str]:
    """Decode a line and remove its line ending.

    RETURNS (tuple[str, str]): the line, and an empty string. If the line is not valid UTF-8: an empty string, and the
        reason.
    """
    try:
        return line.decode("utf-8").removeprefix("\ufeff").rstrip("\r\n"), ""
    except UnicodeDecodeError as e:
        return "", _describe_invalid_utf8(e)


def _read_jsonl(spec: ShardSpec, file: File, columns: Columns, schema: pa.Schema) -> Iterator[InputDocument | None]:
    with _open_bytes(spec, file) as source:
        for line in source:
            text, reason = _decode_line(line)
            if not reason and not text.strip():
                yield None
                continue
            try:
                row = None if reason else json.loads(text)
            except (ValueError, RecursionError) as e:
                row, reason = None, f"the line is not valid JSON: {format_exception(e)}"
            if isinstance(row, dict):
                yield _to_document(row, columns, _fit_json_values(row, columns, schema))
            else:
                yield InputDocument("", None, {}, reason or "the line is valid JSON but not a JSON object")


def _fit_json_values(row: Mapping[str, Any], columns: Columns, schema: pa.Schema) -> dict[str, Any]:
    """Return the values to keep, by column name. In string columns, convert values of other types to JSON."""
    kept = {name: row.get(name) for name in columns.kept}
    for name, value in kept.items():
        if value is not None and not isinstance(value, str) and schema.field(name).type == pa.string():
            kept[name] = json.dumps(value, ensure_ascii=False)
    return kept


def _read_csv(spec: ShardSpec, file: File, columns: Columns, schema: pa.Schema) -> Iterator[InputDocument | None]:
    header = header_of(file) or []
    with _open_bytes(spec, file) as source, ExitStack() as stack:
        # Decode invalid UTF-8 with surrogate escapes. This fails the containing document, not the whole file.
        text = io.TextIOWrapper(source, encoding="utf-8", errors="surrogateescape", newline="")
        records = csv.reader(text, delimiter=delimiter(file))
        if not spec.start:
            next(records, None)
        # The default limit rejects fields with more than 131,072 characters. The limit is global to the process, so
        # restore it afterwards.
        default_limit = csv.field_size_limit(_MAX_CSV_FIELD)
        stack.callback(csv.field_size_limit, default_limit)
        for fields in records:
            if not fields:
                yield None
            elif len(fields) != len(header):
                reason = f"the header has {len(header)} fields, but this record has {len(fields)}"
                yield InputDocument("", None, {}, reason)
            else:
                row = dict(zip(header, fields, strict=True))
                yield _to_document(row, columns, {name: row[name] for name in columns.kept})


def _read_parquet(spec: ShardSpec, file: File, columns: Columns, schema: pa.Schema) -> Iterator[InputDocument | None]:
    names = list(dict.fromkeys([columns.text, *([columns.id] if columns.id else []), *columns.kept]))
    with open_input(file.address) as source:
        parquet = pq.ParquetFile(source)
        n_skip = spec.first - 1
        groups = list(range(parquet.metadata.num_row_groups))
        while groups and n_skip >= (n := parquet.metadata.row_group(groups[0]).num_rows):
            n_skip -= n
            groups.pop(0)
        for batch in parquet.iter_batches(batch_size=_PARQUET_BATCH, row_groups=groups, columns=names):
            for row in batch.slice(min(n_skip, len(batch))).to_pylist():
                yield _to_document(row, columns, {name: row[name] for name in columns.kept})
            n_skip = max(0, n_skip - len(batch))


def _read_docbin(spec: ShardSpec, file: File, columns: Columns, schema: pa.Schema) -> Iterator[InputDocument | None]:
    with open_input(file.address) as source, unpacking():
        docs = DocBin().from_bytes(source.read())
    part = slice(spec.first - 1, spec.first - 1 + spec.n)
    for key in ("tokens", "spaces", "cats", "flags", "span_groups", "user_data"):
        setattr(docs, key, getattr(docs, key)[part])
    for doc in docs.get_docs(Vocab()):
        yield InputDocument("", doc.text, {})


def _to_document(row: Mapping[str, Any], columns: Columns, kept: dict[str, Any]) -> InputDocument:
    value = row.get(columns.id) if columns.id else None
    id_ = "" if value is None else str(value)
    if columns.id and value is None:
        return InputDocument("", None, kept, f"the record has no {columns.id!r} value")
    text = row.get(columns.text)
    if not isinstance(text, str):
        received = "has no value" if text is None else f"has a value with type {type(text).__name__}"
        return InputDocument(id_, None, kept, f"{columns.text!r} {received}, but a text is required")
    return InputDocument(id_, text, kept)


_READERS = {
    "text": _read_lines,
    "jsonl": _read_jsonl,
    "csv": _read_csv,
    "tsv": _read_csv,
    "parquet": _read_parquet,
    "spacy": _read_docbin,
}
