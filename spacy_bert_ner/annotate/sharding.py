"""What is to be done: documents in units, each of which becomes one shard, whoever annotates it."""

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
from ..util.srsly_gc import unpacking
from .storage import File, reading

_BLOCK = 1 << 23
"""Bytes that are read at once while documents are counted."""
_SAMPLE = 1000
"""Records of JSON from which the types of columns are told."""
OWN = ("id", "text", "entities")
"""Columns of the output that no chosen one can be."""


@dataclass(frozen=True)
class Columns:
    """Which columns of the input are read, of the formats that have columns.

    text, id: their names; of no id, documents are numbered: `news.csv:17`.
    kept: those that go into the output as they are.
    """

    text: str = "text"
    id: str | None = None
    kept: tuple[str, ...] = ()


class ShardSpec(NamedTuple):
    """Documents that are annotated together, and their shard.

    number (int): of the shard, from 0.
    files: one file, or several that are a document each.
    first (int): number of the first record in the file, from 1; of files that are documents, 1.
    n (int): of records.
    start, end (int): of them in the file, in unpacked bytes; 0 where records are not found by bytes.
    is_cut (bool): whether there are more records before the end, which are left out.
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
    """Cut files into units, in their order.

    size: records of a unit.
    files_are_documents (bool): whether each text file is one; else each of its lines is.
    limit: of records in all; None for none.
    RAISES BertNerError: a file cannot be read.
    """
    left = float("inf") if limit is None else limit
    number = 0
    texts = [file for file in files if file.format == "text"] if files_are_documents else []
    for i in range(0, len(texts), size):
        n = int(min(len(texts[i : i + size]), left))
        if n:
            yield ShardSpec(number, tuple(texts[i : i + n]), 1, n)
            number, left = number + 1, left - n
    for file in files:
        if files_are_documents and file.format == "text":
            continue
        for first, n, start, end in _cut(file, size):
            if left <= 0:
                return
            yield ShardSpec(number, (file,), first, int(min(n, left)), start, end, n > left)
            number, left = number + 1, left - n


def _cut(file: File, size: int) -> Iterator[tuple[int, int, int, int]]:
    """First record, records, first byte and one past the last of each unit of a file."""
    try:
        if file.format in ("parquet", "spacy"):
            with reading(file.address) as source:
                if file.format == "parquet":
                    total = pq.ParquetFile(source).metadata.num_rows
                else:
                    with unpacking():
                        total = len(DocBin().from_bytes(source.read()))
            for first in range(0, total, size):
                yield first + 1, min(size, total - first), 0, 0
        else:
            yield from _cut_lines(file, size)
    except BertNerError:
        raise
    except Exception as e:  # what readers raise of damaged files is of many kinds
        raise BertNerError(Errors.bad_input.format(path=file.address, reason=format_exception(e))) from e


def _cut_lines(file: File, size: int) -> Iterator[tuple[int, int, int, int]]:
    quoted = file.format in ("csv", "tsv")
    skipped = 1 if quoted else 0  # the header
    n_ends, start, offset, is_inside = 0, 0, 0, False
    first = 1
    with reading(file.address) as source:
        last = b"\n"
        while block := source.read(_BLOCK):
            ends, is_inside = _record_ends(block, is_inside, quoted=quoted)
            while skipped + size - n_ends <= len(ends):
                end = offset + int(ends[skipped + size - n_ends - 1]) + 1
                yield first, size, start, end
                ends = ends[skipped + size - n_ends :]
                first, start, n_ends, skipped = first + size, end, 0, 0
            n_ends += len(ends)
            offset += len(block)
            last = block[-1:]
    rest = n_ends - skipped + (last != b"\n" or is_inside)
    if rest > 0:
        yield first, rest, start, offset


def _record_ends(block: bytes, is_inside: bool, *, quoted: bool) -> tuple[NDArray[np.int64], bool]:
    """The places of line ends in a block that end a record, and whether the block ends inside of quotes."""
    data = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    if not quoted:
        return ends, False
    quotes = np.flatnonzero(data == ord('"'))
    # Between an even number of quotes, as those that are doubled are two.
    outside = (np.searchsorted(quotes, ends) + is_inside) % 2 == 0
    return ends[outside], bool((len(quotes) + is_inside) % 2)


def header_of(file: File) -> list[str] | None:
    """The names of the columns of a file; None of a format without columns, or whose records have each their own.

    RAISES BertNerError: it cannot be read.
    """
    try:
        with reading(file.address) as source:
            if file.format == "parquet":
                return list(pq.read_schema(source).names)
            if file.format in ("csv", "tsv"):
                text = io.TextIOWrapper(source, encoding="utf-8-sig", newline="")
                return next(csv.reader(text, delimiter=delimiter(file)), [])
    except Exception as e:  # what readers raise of damaged files is of many kinds
        raise BertNerError(Errors.bad_input.format(path=file.address, reason=format_exception(e))) from e
    return None


def have_column(files: Sequence[File], name: str) -> bool:
    """Whether there are files with columns, and all of them have one of that name; of JSONL in its first record."""
    found = []
    for file in files:
        names = header_of(file)
        if file.format == "jsonl":
            with reading(file.address) as source:
                try:
                    row = json.loads(io.BufferedReader(source).readline() or b"{}")
                except (ValueError, RecursionError):
                    row = None  # it is told when its turn comes
            names = list(row) if isinstance(row, dict) else []
        if names is not None:
            found.append(name in names)
    return bool(found) and all(found)


def delimiter(file: File) -> str:
    """Between fields."""
    return "\t" if file.format == "tsv" else ","


def schema_of(files: Sequence[File], columns: Columns, *, with_text: bool) -> pa.Schema:
    """The columns of the output, whose kept ones have the types of the first file with columns.

    Columns of CSV are strings. Those of JSONL have the type that all of their first values have, else they are strings
    that hold JSON.
    RAISES BertNerError: a file lacks a column, or a column has the name of one of ours.
    """
    taken = [name for name in columns.kept if name in OWN]
    if taken:
        raise BertNerError(Errors.column_is_ours.format(column=taken[0]))
    kept: dict[str, pa.DataType] = {}
    for file in files:
        names = header_of(file)
        if names is not None:
            for name in (columns.text, columns.id, *columns.kept):
                if name is not None and name not in names:
                    found = ", ".join(map(repr, names)) or "none"
                    raise BertNerError(Errors.no_column_named.format(path=file.address, column=name, found=found))
        if columns.kept and not kept:
            kept = _types(file, columns.kept)
    entity = {"start": pa.int64(), "end": pa.int64(), "text": pa.string(), "label": pa.string(), "score": pa.float64()}
    fields = {"id": pa.string(), **({"text": pa.string()} if with_text else {})}
    fields["entities"] = pa.list_(pa.struct(list(entity.items())))
    return pa.schema([*fields.items(), *((name, kept.get(name, pa.string())) for name in columns.kept)])


def _types(file: File, names: Sequence[str]) -> dict[str, pa.DataType]:
    if file.format == "parquet":
        with reading(file.address) as source:
            schema = pq.read_schema(source)
        return {name: schema.field(name).type for name in names}
    if file.format != "jsonl":
        return dict.fromkeys(names, pa.string()) if file.format in ("csv", "tsv") else {}
    values: dict[str, list[Any]] = {name: [] for name in names}
    with reading(file.address) as source:
        for _, line in zip(range(_SAMPLE), io.BufferedReader(source), strict=False):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue  # it is told when its turn comes
            for name in names if isinstance(row, dict) else ():
                values[name].append(row.get(name))
    return {name: _type(found) for name, found in values.items()}


def _type(values: Sequence[Any]) -> pa.DataType:
    try:
        found = pa.array(values).type
    except (pa.ArrowException, ValueError, OverflowError):
        return pa.string()
    return pa.string() if pa.types.is_null(found) else found
