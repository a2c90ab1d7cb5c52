"""Divide the input into shards. The same input yields the same shards on every machine and with every engine."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from spacy.tokens import DocBin

from ..errors import BertNerError, Errors, format_exception
from ..util.msgpack_gc import unpacking
from .storage import File, open_input

_BLOCK = 1 << 23
"""Number of bytes to read at once when counting records."""
_SAMPLE = 1000
"""Number of JSONL records from which column types are inferred."""
RESERVED_COLUMNS = ("id", "text", "entities")
"""Output columns that `Columns.kept` must not contain."""


@dataclass(frozen=True)
class Columns:
    """The input columns to read. They are ignored for formats without columns.

    text (str): name of the text column. Default: `text`.
    id (str | None): name of the ID column. Default: none; a document ID is then the file name and the record number,
        for example `news.csv:17`.
    kept (tuple[str, ...]): names of columns to copy to the output. Default: none.
    """

    text: str = "text"
    id: str | None = None
    kept: tuple[str, ...] = ()


class ShardSpec(NamedTuple):
    """The input documents for one shard.

    number (int): index of the shard, counted from 0.
    files (tuple[File, ...]): one file, or several files that are one document each.
    first (int): position of the shard's first record in the file, counted from 1. If each file is a document, this
        is 1.
    n (int): number of records.
    start (int): offset where the first record starts, in uncompressed bytes. Default: 0, also for formats that are not
        read by offset.
    end (int): offset where the last record ends, in uncompressed bytes. Default: 0, also for formats that are not read
        by offset.
    is_cut (bool): whether the byte range contains more than `n` records because `limit` ends the shard early.
        Default: False.
    """

    number: int
    files: tuple[File, ...]
    first: int
    n: int
    start: int = 0
    end: int = 0
    is_cut: bool = False


def plan_shards(
    files: Sequence[File], size: int, *, files_are_documents: bool, limit: int | None
) -> Iterator[ShardSpec]:
    """Divide files into shards in order.

    files (Sequence[File]): the input files.
    size (int): number of records per shard.
    files_are_documents (bool): whether each text file is one record. If False, each line is one record.
    limit (int | None): maximum total number of records, or None for no limit.
    YIELDS (ShardSpec): the specification for each shard.
    RAISES BertNerError: a file cannot be read.
    """
    n_left = float("inf") if limit is None else limit
    number = 0
    text_files = [file for file in files if file.format == "text"] if files_are_documents else []
    for i in range(0, len(text_files), size):
        n = int(min(len(text_files[i : i + size]), n_left))
        if n:
            yield ShardSpec(number, tuple(text_files[i : i + n]), 1, n)
            number, n_left = number + 1, n_left - n
    for file in files:
        if files_are_documents and file.format == "text":
            continue
        for first, n, start, end in _cut(file, size):
            if n_left <= 0:
                return
            yield ShardSpec(number, (file,), first, int(min(n, n_left)), start, end, n > n_left)
            number, n_left = number + 1, n_left - n


def _cut(file: File, size: int) -> Iterator[tuple[int, int, int, int]]:
    """Divide a file into shards.

    file (File): the file.
    size (int): number of records per shard.
    YIELDS (tuple[int, int, int, int]): the `first`, `n`, `start` and `end` values for the `ShardSpec` of each shard.
    RAISES BertNerError: the file cannot be read.
    """
    try:
        if file.format in ("parquet", "spacy"):
            n_records = _count_records(file)
            for first in range(0, n_records, size):
                yield first + 1, min(size, n_records - first), 0, 0
        else:
            yield from _cut_lines(file, size)
    except BertNerError:
        raise
    except Exception as e:  # readers raise many exception types for damaged files
        raise BertNerError(Errors.bad_input.format(path=file.address, reason=format_exception(e))) from e


def _count_records(file: File) -> int:
    """Return the number of rows in a Parquet file or Docs in a `.spacy` file."""
    with open_input(file.address) as source:
        if file.format == "parquet":
            return int(pq.ParquetFile(source).metadata.num_rows)
        with unpacking():
            return len(DocBin().from_bytes(source.read()))


def _cut_lines(file: File, size: int) -> Iterator[tuple[int, int, int, int]]:
    quoted = file.format in ("csv", "tsv")
    n_header = 1 if quoted else 0
    first, start, n_ends = 1, 0, 0  # for the current shard; `n_ends` includes the header
    offset, is_inside = 0, False
    last_byte = b"\n"
    with open_input(file.address) as source:
        while block := source.read(_BLOCK):
            ends, is_inside = _record_ends(block, is_inside, quoted=quoted)
            while (n_missing := n_header + size - n_ends) <= len(ends):
                end = offset + int(ends[n_missing - 1]) + 1
                yield first, size, start, end
                ends = ends[n_missing:]
                first, start, n_ends, n_header = first + size, end, 0, 0
            n_ends += len(ends)
            offset += len(block)
            last_byte = block[-1:]
    # The last record might not end with a line ending.
    n_rest = n_ends - n_header + (last_byte != b"\n" or is_inside)
    if n_rest > 0:
        yield first, n_rest, start, offset


def _record_ends(block: bytes, is_inside: bool, *, quoted: bool) -> tuple[NDArray[np.int64], bool]:
    """Find the line endings in a block that end a record.

    block (bytes): block of consecutive bytes from a file.
    is_inside (bool): whether the block starts inside quotation marks.
    quoted (bool): whether line endings inside quotation marks belong to a field.
    RETURNS (tuple[NDArray[np.int64], bool]): offsets of the line endings in the block, *Shape:* `(n_ends,)`, and
        whether the block ends inside quotation marks.
    """
    data = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    if not quoted:
        return ends, False
    quotes = np.flatnonzero(data == ord('"'))
    # A line ending is outside quotation marks if an even number of them precedes it. A doubled one counts twice.
    outside = (np.searchsorted(quotes, ends) + is_inside) % 2 == 0
    return ends[outside], bool((len(quotes) + is_inside) % 2)


def header_of(file: File) -> list[str] | None:
    """Return the column names in a file.

    file (File): the file.
    RETURNS (list[str] | None): the column names. None for formats without columns, and for JSONL, where each record can
        have different keys.
    RAISES BertNerError: the file cannot be read.
    """
    try:
        with open_input(file.address) as source:
            if file.format == "parquet":
                return list(pq.read_schema(source).names)
            if file.format in ("csv", "tsv"):
                text = io.TextIOWrapper(source, encoding="utf-8-sig", newline="")
                return next(csv.reader(text, delimiter=delimiter(file)), [])
    except Exception as e:  # readers raise many exception types for damaged files
        raise BertNerError(Errors.bad_input.format(path=file.address, reason=format_exception(e))) from e
    return None


def have_column(files: Sequence[File], name: str) -> bool:
    """Return whether a column occurs in all files with columns.

    files (Sequence[File]): the files. For JSONL, only the first record is checked.
    name (str): column name.
    RETURNS (bool): whether all files with columns have the column. False if no file has columns.
    """
    has_column = []
    for file in files:
        names = header_of(file)
        if file.format == "jsonl":
            with open_input(file.address) as source:
                try:
                    row = json.loads(io.BufferedReader(source).readline() or b"{}")
                except (ValueError, RecursionError):
                    row = None  # the error is reported when the record is read
            names = list(row) if isinstance(row, dict) else []
        if names is not None:
            has_column.append(name in names)
    return bool(has_column) and all(has_column)


def delimiter(file: File) -> str:
    """Return the field delimiter for a CSV or TSV file."""
    return "\t" if file.format == "tsv" else ","


def schema_of(files: Sequence[File], columns: Columns, *, with_text: bool) -> pa.Schema:
    """Return the output schema. The first file with columns determines the types of the kept columns.

    CSV and TSV columns are strings. A JSONL column has the common type of its first values. If these have no common
    type, all values in the column are written as JSON strings.

    files (Sequence[File]): the input files.
    columns (Columns): the columns to read.
    with_text (bool): whether the output contains the texts.
    RETURNS (pa.Schema): the output schema.
    RAISES BertNerError: a file lacks a requested column, a file cannot be read, or a kept column has a reserved name.
    """
    reserved = [name for name in columns.kept if name in RESERVED_COLUMNS]
    if reserved:
        raise BertNerError(Errors.reserved_column.format(column=reserved[0]))
    kept: dict[str, pa.DataType] = {}
    for file in files:
        names = header_of(file)
        if names is not None:
            for name in (columns.text, columns.id, *columns.kept):
                if name is not None and name not in names:
                    available = ", ".join(map(repr, names)) or "none"
                    raise BertNerError(
                        Errors.no_column_named.format(path=file.address, column=name, available=available)
                    )
        if columns.kept and not kept:
            kept = _column_types(file, columns.kept)
    entity = {"start": pa.int64(), "end": pa.int64(), "text": pa.string(), "label": pa.string(), "score": pa.float64()}
    fields = {"id": pa.string(), **({"text": pa.string()} if with_text else {})}
    fields["entities"] = pa.list_(pa.struct(list(entity.items())))
    return pa.schema([*fields.items(), *((name, kept.get(name, pa.string())) for name in columns.kept)])


def _column_types(file: File, names: Sequence[str]) -> dict[str, pa.DataType]:
    if file.format == "parquet":
        with open_input(file.address) as source:
            schema = pq.read_schema(source)
        return {name: schema.field(name).type for name in names}
    if file.format != "jsonl":
        return dict.fromkeys(names, pa.string()) if file.format in ("csv", "tsv") else {}
    values: dict[str, list[Any]] = {name: [] for name in names}
    with open_input(file.address) as source:
        for _, line in zip(range(_SAMPLE), io.BufferedReader(source), strict=False):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue  # the error is reported when the record is read
            for name in names if isinstance(row, dict) else ():
                values[name].append(row.get(name))
    return {name: _infer_type(column) for name, column in values.items()}


def _infer_type(values: Sequence[Any]) -> pa.DataType:
    """Return the common Arrow type of values, or string if they have none."""
    try:
        inferred = pa.array(values).type
    except (pa.ArrowException, ValueError, OverflowError):
        return pa.string()
    return pa.string() if pa.types.is_null(inferred) else inferred
