"""Parse the records in JSON files and look up their keys. A record that cannot be parsed becomes `Invalid`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from ...errors import CorpusError, Errors
from ..sentence import Invalid
from ..span_text import document_name, shorten
from .json_head import head_values
from .json_stream import values
from .text_source import TextSource

Record = dict[str, Any]
T = TypeVar("T")

N_HEAD = 20
"""Number of records from which the keys in a file are inferred."""


class _RepeatedIdError(CorpusError):
    """Error raised if an earlier record has the same `id`. The message includes the `id`."""


def read_records(source: TextSource, parse: Callable[[int, Record], T]) -> Iterator[T | Invalid]:
    """Parse each record in a file.

    source (TextSource): the file.
    parse (Callable): a function that parses a record. Its arguments are the record's first line number and the record.
    YIELDS (T | Invalid): the return value of `parse`, or the error if the record is invalid.
    RAISES CorpusError: a record is too long, or a record that spans several lines is not valid JSON. The message
        includes the file and line.
    """
    return parse_records(source.path, values(source), parse)


def parse_records(
    path: Path, items: Iterable[tuple[int, Any]], parse: Callable[[int, Record], T]
) -> Iterator[T | Invalid]:
    """Parse each record. Yield `Invalid` for errors, for values that are not objects and for parsing failures.

    path (Path): the file path, for error messages. The messages also include the record's `id`, because all records may
        be on one line.
    items (Iterable[tuple[int, Any]]): pairs of a line number (from 1) and a value or an error.
    parse (Callable): a function that parses a record. Its arguments are the record's first line number and the record.
    YIELDS (T | Invalid): the return value of `parse`, or the error if the record is invalid.
    """
    for line, value in items:
        if isinstance(value, CorpusError):
            yield Invalid(value)
        elif not isinstance(value, dict):
            yield Invalid(CorpusError(Errors.no_object.format(path=path, line=line, found=shorten(value))))
        else:
            try:
                yield parse(line, value)
            except CorpusError as e:
                yield Invalid(_with_id(e, f"{path}, line {line}", value))


def read_values(source: TextSource, parse: Callable[[int, Any], T], key: str = "") -> Iterator[T | Invalid]:
    """Parse each value in a file, regardless of its type. See `read_records`.

    source (TextSource): the file.
    parse (Callable): a function that parses a value. Its arguments are the value's first line number and the value.
    key (str): the key for an array. If the file is a single object, the values are the elements of this array. Default:
        empty (no key).
    YIELDS (T | Invalid): the return value of `parse`, or the error if the value is invalid.
    RAISES CorpusError: the rest of the file cannot be read. See `read_records`.
    """
    for line, value in values(source, key):
        if isinstance(value, CorpusError):
            yield Invalid(value)
            continue
        try:
            yield parse(line, value)
        except CorpusError as e:
            yield Invalid(e)


def _with_id(error: CorpusError, location: str, record: Record) -> CorpusError:
    """Insert a record's `id` after the location in an error message, unless the error is about a repeated `id`."""
    name, message = record_id(record), str(error)
    if not name or isinstance(error, _RepeatedIdError) or not message.startswith(f"{location}: "):
        return error
    return CorpusError(f"{location}, id {name}{message.removeprefix(location)}")


def first_readable(items: Iterable[tuple[int, object]]) -> list[Record]:
    """Return the first records, skipping values that are not records.

    items (Iterable[tuple[int, object]]): pairs of a line number and a value.
    RETURNS (list[Record]): at most `N_HEAD` records.
    """
    records: list[Record] = []
    with suppress(CorpusError):  # raised again when the whole file is read
        records.extend(islice((value for _, value in items if isinstance(value, dict)), N_HEAD))
    return records


def first_record(rows: Sequence[str]) -> Record:
    """Return the first record in a file.

    rows (Sequence[str]): the first non-blank rows in the file.
    RETURNS (Record): the record, or an empty dictionary if there is none. If the record extends beyond these rows, all
        its keys, including nested ones, are mapped to None.
    """
    return next(iter(first_records(rows)), {})


def first_records(rows: Sequence[str]) -> list[Record]:
    """Return the first records in a file, up to the first value that is not a record. See `first_record`."""
    first_values = head_values(rows, N_HEAD)
    end = next((i for i, value in enumerate(first_values) if not isinstance(value, dict)), len(first_values))
    return first_values[:end]


def name_at(path: Path, line: int, record: Record, key: str) -> str:
    """Return the document name of a record.

    path (Path): the file path, for error messages.
    line (int): the line number of the record, for error messages.
    record (Record): the record.
    key (str): the key for the document name or a dotted path such as `meta.source`.
    RETURNS (str): the document name.
    RAISES CorpusError: the value is neither a string nor an integer. The message includes the file and line.
    """
    value = value_at(record, key)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise CorpusError(Errors.no_document_key.format(path=path, line=line, key=key, found=shown_keys(record)))
    return document_name(path, value)


def value_at(record: object, key: str) -> object:
    """Return the value at a key or a dotted path through nested objects. Return None if there is no value."""
    for part in [key] if isinstance(record, dict) and key in record else key.split("."):
        record = record.get(part) if isinstance(record, dict) else None
    return record


def shown_keys(record: object) -> str:
    """Return the keys of a record for messages, truncated to 200 characters."""
    return (", ".join(map(str, record)) if isinstance(record, dict) else shorten(record))[:200] or "none"


def record_id(record: Record) -> str:
    """Return the `id` of a record for messages, or an empty string if it has none."""
    value = record.get("id")
    return shorten(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def check_id(path: Path, line: int, record: Record, lines: dict[object, int]) -> None:
    """Reject a record if an earlier record has the same `id`.

    path (Path): the file path, for error messages.
    line (int): the line number of the record.
    record (Record): the record.
    lines (dict[object, int]): the line number for each `id` so far. The new `id` is added.
    RAISES CorpusError: an earlier record has this `id`. The message includes both line numbers.
    """
    name = record.get("id")
    if not isinstance(name, (str, int)):
        return
    if name in lines:
        raise _RepeatedIdError(Errors.same_name.format(path=path, line=line, name=name, first=lines[name]))
    lines[name] = line
