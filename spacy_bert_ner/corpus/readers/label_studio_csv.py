"""Read Label Studio exports in CSV or TSV format.

Each row is an annotation. One cell stores the annotation's regions as JSON.

id,text,label,annotator,annotation_id
1,Ada left.,"[{""start"": 0, ""end"": 3, ""text"": ""Ada"", ""labels"": [""per""]}]",1,4
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from typing import TextIO

from ...errors import CorpusError, Errors
from ..span_text import shorten
from .json_records import Record
from .json_stream import MAX_RECORD
from .text_source import TextSource

_MAX_HEADER = 1 << 16
_REGIONS = re.compile(r"\s*\[\s*(\{|\]\s*$)")
_ID, _ANNOTATION = "id", "annotation_id"


def is_csv(rows: Sequence[str]) -> bool:
    """Return whether the first row is the header of a Label Studio export in CSV or TSV format."""
    header = _header(rows[0]) if rows else []
    return _ANNOTATION in header and ("annotator" in header or "lead_time" in header)


def begins_csv(source: TextSource) -> bool:
    """Return whether a file begins with the header of a Label Studio export in CSV or TSV format."""
    with source.text(newline="") as text:
        return is_csv([_first_row(text)[0]])


def records(source: TextSource, text_key: str) -> Iterator[tuple[int, Record | CorpusError]]:
    """Convert the rows in a file to JSON-MIN records.

    source (TextSource): the file.
    text_key (str): the column with the text, which is never parsed as JSON.
    YIELDS (tuple[int, Record | CorpusError]): the line number on which the row begins (from 1), and the record or its
        error.
    """
    path = source.path
    with source.text(newline="") as text:
        first, n_before = _first_row(text)
        header = _header(first)
        reader = csv.reader(text, delimiter=_delimiter(first), strict=True)
        while True:
            begin = n_before + reader.line_num + 1
            try:
                row = _next_row(reader)
            except csv.Error as e:  # the reader continues with the next line after an error
                yield begin, CorpusError(Errors.bad_csv.format(path=path, line=begin, reason=e))
                continue
            if row is None:
                return
            if len(row) == len(header):
                yield begin, _record(source, begin, dict(zip(header, row, strict=True)), text_key)
            elif row:
                message = Errors.field_count.format(path=path, line=begin, found=len(row), needed=len(header))
                yield begin, CorpusError(message)


def _first_row(text: TextIO) -> tuple[str, int]:
    """Return the first non-blank row and its line number. The row is truncated to the maximum header length."""
    row, line = "", 0
    while not row.strip() and (row := text.readline(_MAX_HEADER)):
        line += 1
    return row, line


def _next_row(reader: Iterator[list[str]]) -> list[str] | None:
    """Return the next row, or None at the end of the file.

    The text or the regions may exceed Python's default limit of 128 kB for a cell.
    """
    limit = csv.field_size_limit(MAX_RECORD)
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(limit)


def _record(source: TextSource, line: int, fields: dict[str, str], text_key: str) -> Record | CorpusError:
    """Create the record for a row. `id` becomes an integer, and cells with regions become lists."""
    record: Record = dict(fields)
    for key, field in fields.items():
        if key == _ID and field.isdecimal() and len(field) < 20:
            record[key] = int(field)
        elif key != text_key and _REGIONS.match(field):
            try:
                record[key] = json.loads(field)
            except (ValueError, RecursionError) as e:
                reason = f"{e} in the column {key}"
                return CorpusError(
                    Errors.bad_json.format(path=source.path, line=line, reason=reason, text=shorten(field))
                )
    return record


def _header(row: str) -> list[str]:
    row = row.rstrip("\r\n")
    try:
        return next(csv.reader([row], delimiter=_delimiter(row), strict=True), [])
    except csv.Error:
        return []


def _delimiter(row: str) -> str:
    return "\t" if "\t" in row else ","
