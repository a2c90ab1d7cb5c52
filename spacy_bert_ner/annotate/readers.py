"""The documents of a unit, read from its files."""

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
from ..util.srsly_gc import unpacking
from .sharding import Columns, ShardSpec, delimiter, header_of
from .storage import File, is_packed, reading

_ROWS = 256
"""Of Parquet that are unpacked at once."""
_SKIPPED = 1 << 20
_FIELD = 1 << 30
"""Characters of a field of CSV."""


class InputDocument(NamedTuple):
    """A document before it is annotated.

    id: its own, or the name of its file and its number there.
    text: None where there is none, which `reason` tells.
    kept: its values of the columns that are kept.
    """

    id: str
    text: str | None
    kept: Mapping[str, Any]
    reason: str = ""


def read_documents(unit: ShardSpec, columns: Columns, schema: pa.Schema) -> Iterator[InputDocument]:
    """Read the documents of a unit, in their order. Lines of white space are none.

    schema: of the output; kept values of JSONL are brought to its types where they are strings there.
    RAISES BertNerError: a file is damaged, or is not what it was when it was counted.
    """
    if len(unit.files) > 1 or (unit.files[0].format == "text" and not unit.end):
        yield from map(_whole, unit.files)
        return
    (file,) = unit.files
    n = 0
    try:
        for n, found in enumerate(_READERS[file.format](unit, file, columns, schema), start=1):
            if found is not None:
                yield found._replace(id=found.id or f"{file.name}:{unit.first + n - 1}")
            if n == unit.n and (unit.is_cut or not unit.end):
                break
    except BertNerError:
        raise
    except Exception as e:  # what readers raise of damaged files is of many kinds
        raise BertNerError(Errors.bad_input.format(path=file.address, reason=format_exception(e))) from e
    if n != unit.n:
        reason = f"{n} records from record {unit.first} on, where {unit.n} were counted"
        if file.format in ("csv", "tsv"):
            reason += "; a quote in a field that is not quoted may be why"
        raise BertNerError(Errors.bad_input.format(path=file.address, reason=reason))


def _whole(file: File) -> InputDocument:
    try:
        with reading(file.address) as source:
            content = source.read()
    except (OSError, ValueError) as e:
        return InputDocument(file.name, None, {}, format_exception(e))
    try:
        return InputDocument(file.name, content.decode("utf-8-sig"), {})
    except UnicodeDecodeError as e:
        return InputDocument(file.name, None, {}, _not_utf8(e))


def _not_utf8(e: UnicodeDecodeError) -> str:
    return f"byte {e.start} is not valid UTF-8"


class _Slice(io.RawIOBase):
    """So many bytes of a stream."""

    def __init__(self, source: Any, length: int) -> None:
        self.source, self.left = source, length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.source.read(min(len(buffer), self.left))
        buffer[: len(data)] = data
        self.left -= len(data)
        return len(data)


@contextmanager
def _bytes_of(unit: ShardSpec, file: File) -> Iterator[io.BufferedReader]:
    with reading(file.address) as source:
        if is_packed(file.address):
            left = unit.start
            while left and (skipped := source.read(min(left, _SKIPPED))):
                left -= len(skipped)
        else:
            source.seek(unit.start)
        yield io.BufferedReader(_Slice(source, unit.end - unit.start), 1 << 20)


def _lines(unit: ShardSpec, file: File, columns: Columns, schema: pa.Schema) -> Iterator[InputDocument | None]:
    with _bytes_of(unit, file) as source:
        for line in source:
            text, reason = _decoded(line)
            if reason:
                yield InputDocument("", None, {}, reason)
            else:
                yield InputDocument("", text, {}) if text.strip() else None


def _decoded(line: bytes) -> tuple[str, str]:
    """A line without its end, and what is wrong with it."""
    try:
        return line.decode("utf-8").removeprefix("\ufeff").rstrip("\r\n"), ""
    except UnicodeDecodeError as e:
        return "", _not_utf8(e)


def _jsonl(unit: ShardSpec, file: File, columns: Columns, schema: pa.Schema) -> Iterator[InputDocument | None]:
    with _bytes_of(unit, file) as source:
        for line in source:
            text, reason = _decoded(line)
            if not reason and not text.strip():
                yield None
                continue
            try:
                row = None if reason else json.loads(text)
            except (ValueError, RecursionError) as e:
                row, reason = None, f"no JSON: {format_exception(e)}"
            if isinstance(row, dict):
                kept = {name: row.get(name) for name in columns.kept}
                for name, value in kept.items():
                    if value is not None and not isinstance(value, str) and schema.field(name).type == pa.string():
                        kept[name] = json.dumps(value, ensure_ascii=False)
                yield _record(row, columns, kept)
            else:
                yield InputDocument("", None, {}, reason or "it is no table of JSON")


def _csv(unit: ShardSpec, file: File, columns: Columns, schema: pa.Schema) -> Iterator[InputDocument | None]:
    header = header_of(file) or []
    with _bytes_of(unit, file) as source, ExitStack() as stack:
        # What is not UTF-8 shall be told of its own document.
        text = io.TextIOWrapper(source, encoding="utf-8", errors="surrogateescape", newline="")
        rows = csv.reader(text, delimiter=delimiter(file))
        if not unit.start:
            next(rows, None)
        # Else a document of more than 131,072 characters is refused; but the limit is that of the whole process.
        before = csv.field_size_limit(_FIELD)
        stack.callback(csv.field_size_limit, before)
        for row in rows:
            if not row:
                yield None
            elif len(row) != len(header):
                yield InputDocument("", None, {}, f"{len(row)} fields, where the header has {len(header)}")
            else:
                named = dict(zip(header, row, strict=True))
                yield _record(named, columns, {name: named[name] for name in columns.kept})


def _parquet(unit: ShardSpec, file: File, columns: Columns, schema: pa.Schema) -> Iterator[InputDocument | None]:
    names = list(dict.fromkeys([columns.text, *([columns.id] if columns.id else []), *columns.kept]))
    with reading(file.address) as source:
        table = pq.ParquetFile(source)
        skip = unit.first - 1
        groups = list(range(table.metadata.num_row_groups))
        while groups and skip >= (n := table.metadata.row_group(groups[0]).num_rows):
            skip -= n
            groups.pop(0)
        for batch in table.iter_batches(batch_size=_ROWS, row_groups=groups, columns=names):
            for row in batch.slice(min(skip, len(batch))).to_pylist():
                yield _record(row, columns, {name: row[name] for name in columns.kept})
            skip = max(0, skip - len(batch))


def _spacy(unit: ShardSpec, file: File, columns: Columns, schema: pa.Schema) -> Iterator[InputDocument | None]:
    with reading(file.address) as source, unpacking():
        docs = DocBin().from_bytes(source.read())
    part = slice(unit.first - 1, unit.first - 1 + unit.n)
    for key in ("tokens", "spaces", "cats", "flags", "span_groups", "user_data"):
        setattr(docs, key, getattr(docs, key)[part])
    for doc in docs.get_docs(Vocab()):
        yield InputDocument("", doc.text, {})


def _record(row: Mapping[str, Any], columns: Columns, kept: dict[str, Any]) -> InputDocument:
    own = row.get(columns.id) if columns.id else None
    id_ = "" if own is None else str(own)
    if columns.id and own is None:
        return InputDocument("", None, kept, f"there is no {columns.id!r}")
    text = row.get(columns.text)
    if not isinstance(text, str):
        found = "nothing" if text is None else f"a {type(text).__name__}"
        return InputDocument(id_, None, kept, f"{columns.text!r} holds {found}, where a text is needed")
    return InputDocument(id_, text, kept)


_READERS = {"text": _lines, "jsonl": _jsonl, "csv": _csv, "tsv": _csv, "parquet": _parquet, "spacy": _spacy}
