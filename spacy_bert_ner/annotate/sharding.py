"""Cut the input into shards: the same shards for the same input, on every machine and engine."""

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
"""Bytes to read at once when counting records."""
_SAMPLE = 1000
"""Records of JSONL from which column types are inferred."""
RESERVED_COLUMNS = ("id", "text", "entities")
"""Columns of the output that `Columns.kept` cannot name."""


@dataclass(frozen=True)
class Columns:
    """Columns of the input to read, in formats that have columns.

    text (str): name of the text column.
    id (str | None): name of the id column. Without one, ids are file names and record numbers: `news.csv:17`.
    kept (tuple[str, ...]): columns to copy to the output.
    """

    text: str = "text"
    id: str | None = None
    kept: tuple[str, ...] = ()


class ShardSpec(NamedTuple):
    """Documents that are annotated together and written to one shard.

    number (int): index of the shard, from 0.
    files (tuple[File, ...]): one file, or several that are one document each.
    first (int): number of the first record in the file, from 1. It is 1 if files are documents.
    n (int): number of records.
    start (int): offset of the first record in the file, in uncompressed bytes; 0 if the format is not read by offset.
    end (int): offset of the end of the last record, likewise.
    is_cut (bool): whether the byte range holds more records than `n`, because of a limit.
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
    """Cut files into shards, in order.

    files (Sequence[File]): the input files.
    size (int): records per shard.
    files_are_documents (bool): whether each text file is one record, instead of each line.
    limit (int | None): maximum number of records in all files; None for no maximum.
    YIELDS (ShardSpec): each shard.
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
    """Yield the first record, number of records, start offset and end offset of each shard of a file."""
    try:
        if file.format in ("parquet", "spacy"):
            n_records = _count_records(file)
            for first in range(0, n_records, size):
                yield first + 1, min(size, n_records - first), 0, 0
        else:
            yield from _cut_lines(file, size)
    except BertNerError:
        raise
    except Exception as e:  # readers raise many kinds of exceptions for damaged files
        raise BertNerError(Errors.bad_input.format(path=file.address, reason=format_exception(e))) from e


def _count_records(file: File) -> int:
    """Return the number of rows of a Parquet file, or of Docs of a DocBin."""
    with open_input(file.address) as source:
        if file.format == "parquet":
            return int(pq.ParquetFile(source).metadata.num_rows)
        with unpacking():
            return len(DocBin().from_bytes(source.read()))


def _cut_lines(file: File, size: int) -> Iterator[tuple[int, int, int, int]]:
    quoted = file.format in ("csv", "tsv")
    n_header = 1 if quoted else 0
    first, start, n_ends = 1, 0, 0  # of the current shard; `n_ends` includes the header
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
    # The last record may lack a line end.
    n_rest = n_ends - n_header + (last_byte != b"\n" or is_inside)
    if n_rest > 0:
        yield first, n_rest, start, offset


def _record_ends(block: bytes, is_inside: bool, *, quoted: bool) -> tuple[NDArray[np.int64], bool]:
    """Find the line ends in a block that end a record.

    block (bytes): part of a file.
    is_inside (bool): whether the block begins inside quotes.
    quoted (bool): whether line ends inside quotes belong to a field.
    RETURNS (tuple[NDArray[np.int64], bool]): offsets of the line ends in the block, and whether it ends inside quotes.
        *Shape:* (n_ends,)
    """
    data = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    if not quoted:
        return ends, False
    quotes = np.flatnonzero(data == ord('"'))
    # A line end is outside quotes after an even number of them; a doubled quote counts as two.
    outside = (np.searchsorted(quotes, ends) + is_inside) % 2 == 0
    return ends[outside], bool((len(quotes) + is_inside) % 2)


def header_of(file: File) -> list[str] | None:
    """Return the column names of a file.

    file (File): the file.
    RETURNS (list[str] | None): the names; None for formats without columns, and for JSONL, in which records differ.
    RAISES BertNerError: the file cannot be read.
    """
    try:
        with open_input(file.address) as source:
            if file.format == "parquet":
                return list(pq.read_schema(source).names)
            if file.format in ("csv", "tsv"):
                text = io.TextIOWrapper(source, encoding="utf-8-sig", newline="")
                return next(csv.reader(text, delimiter=delimiter(file)), [])
    except Exception as e:  # readers raise many kinds of exceptions for damaged files
        raise BertNerError(Errors.bad_input.format(path=file.address, reason=format_exception(e))) from e
    return None


def have_column(files: Sequence[File], name: str) -> bool:
    """Return whether all files with columns have this one, and there is at least one such file.

    files (Sequence[File]): the files. In JSONL, the first record counts.
    name (str): name of the column.
    """
    has_column = []
    for file in files:
        names = header_of(file)
        if file.format == "jsonl":
            with open_input(file.address) as source:
                try:
                    row = json.loads(io.BufferedReader(source).readline() or b"{}")
                except (ValueError, RecursionError):
                    row = None  # reported when the record is read
            names = list(row) if isinstance(row, dict) else []
        if names is not None:
            has_column.append(name in names)
    return bool(has_column) and all(has_column)


def delimiter(file: File) -> str:
    """Return the character between fields."""
    return "\t" if file.format == "tsv" else ","


def schema_of(files: Sequence[File], columns: Columns, *, with_text: bool) -> pa.Schema:
    """Return the schema of the output. Kept columns have the types of the first file with columns.

    CSV columns are strings. A JSONL column has the common type of its first values; without one, its values are
    written as JSON strings.

    files (Sequence[File]): the input files.
    columns (Columns): the columns to read.
    with_text (bool): whether the output has the texts.
    RETURNS (pa.Schema): the schema.
    RAISES BertNerError: a file lacks a column, or a kept column has a reserved name.
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
                continue  # reported when the record is read
            for name in names if isinstance(row, dict) else ():
                values[name].append(row.get(name))
    return {name: _infer_type(column) for name, column in values.items()}


def _infer_type(values: Sequence[Any]) -> pa.DataType:
    """Return the common type of values; a string if there is none."""
    try:
        inferred = pa.array(values).type
    except (pa.ArrowException, ValueError, OverflowError):
        return pa.string()
    return pa.string() if pa.types.is_null(inferred) else inferred
