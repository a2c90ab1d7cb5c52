"""Parse the records of JSON files, and look up their keys. A record that cannot be parsed becomes `Invalid`."""

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
"""Number of records from which the keys of a file are inferred."""


class _RepeatedIdError(CorpusError):
    """An earlier record has the same `id`. The message contains the `id`."""


def read_records(source: TextSource, parse: Callable[[int, Record], T]) -> Iterator[T | Invalid]:
    """Parse each record of a file.

    source (TextSource): the file.
    parse (Callable): parses a record, given the line on which it begins and the record.
    YIELDS (T | Invalid): the result of `parse`, or `Invalid` for an invalid record.
    RAISES CorpusError: a record is too long, or a record that spans several lines is not valid JSON. The message names
        file and line.
    """
    return parse_records(source.path, values(source), parse)


def parse_records(
    path: Path, items: Iterable[tuple[int, Any]], parse: Callable[[int, Record], T]
) -> Iterator[T | Invalid]:
    """Parse each record. Yield `Invalid` for errors among the items or from `parse`, and for values that are no object.

    path (Path): the file, for the errors. They also name the `id` of a record, as all records may be on one line.
    items (Iterable[tuple[int, Any]]): lines from 1, and values or errors.
    parse (Callable): parses a record, given its line and the record.
    YIELDS (T | Invalid): the result of `parse`, or `Invalid`.
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
    """Parse each value of a file, of any type; see `read_records`.

    source (TextSource): the file.
    parse (Callable): parses a value, given the line on which it begins and the value.
    key (str): if the file is a single object, the values are the elements of the array under this key. The default is
        no key.
    YIELDS (T | Invalid): the result of `parse`, or `Invalid`.
    RAISES CorpusError: see `read_records`.
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
    """Insert the `id` of the record after the location at the start of a message, unless the message is about ids."""
    name, message = record_id(record), str(error)
    if not name or isinstance(error, _RepeatedIdError) or not message.startswith(f"{location}: "):
        return error
    return CorpusError(f"{location}, id {name}{message.removeprefix(location)}")


def first_readable(items: Iterable[tuple[int, object]]) -> list[Record]:
    """Return the first records, skipping values that are not records."""
    records: list[Record] = []
    with suppress(CorpusError):  # it is raised again when the whole file is read
        records.extend(islice((value for _, value in items if isinstance(value, dict)), N_HEAD))
    return records


def first_record(rows: Sequence[str]) -> Record:
    """Return the first record of a file.

    rows (Sequence[str]): the first rows of the file, without blank rows.
    RETURNS (Record): the record. Empty if there is none. If it is longer than the rows, its keys and those of the
        objects in it, each with None.
    """
    return next(iter(first_records(rows)), {})


def first_records(rows: Sequence[str]) -> list[Record]:
    """Return the first records of a file, up to the first value that is not a record; see `first_record`."""
    first_values = head_values(rows, N_HEAD)
    end = next((i for i, value in enumerate(first_values) if not isinstance(value, dict)), len(first_values))
    return first_values[:end]


def name_at(path: Path, line: int, record: Record, key: str) -> str:
    """Return the name of a record's document.

    path (Path): the file, for the error.
    line (int): the line of the record, for the error.
    record (Record): the record.
    key (str): the key of the name, or keys with dots between them: `meta.source`.
    RETURNS (str): the name.
    RAISES CorpusError: the value is not a string or whole number. The message names file and line.
    """
    value = value_at(record, key)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise CorpusError(Errors.no_document_key.format(path=path, line=line, key=key, found=shown_keys(record)))
    return document_name(path, value)


def value_at(record: object, key: str) -> object:
    """Return the value at a key, or at keys with dots between them in nested objects; None if there is none."""
    for part in [key] if isinstance(record, dict) and key in record else key.split("."):
        record = record.get(part) if isinstance(record, dict) else None
    return record


def shown_keys(record: object) -> str:
    """List the keys of a record for messages, at most 200 characters."""
    return (", ".join(map(str, record)) if isinstance(record, dict) else shorten(record))[:200] or "none"


def record_id(record: Record) -> str:
    """Return the `id` of a record for messages; empty if it has none."""
    value = record.get("id")
    return shorten(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def check_id(path: Path, line: int, record: Record, lines: dict[object, int]) -> None:
    """Refuse an `id` that an earlier record has.

    path (Path): the file, for the error.
    line (int): the line of the record.
    record (Record): the record.
    lines (dict[object, int]): the line of each id so far. The id is added.
    RAISES CorpusError: an earlier record has this id. The message names both lines.
    """
    name = record.get("id")
    if not isinstance(name, (str, int)):
        return
    if name in lines:
        raise _RepeatedIdError(Errors.same_name.format(path=path, line=line, name=name, first=lines[name]))
    lines[name] = line
