"""Records of JSON files: each is parsed, or is `Invalid`; what they have in common."""

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
"""Records from which the keys of a file are found out."""


def read_records(source: TextSource, parse: Callable[[int, Record], T]) -> Iterator[T | Invalid]:
    """What `parse` makes of each record of a file and the line on which that begins.

    RAISES CorpusError: a record is too long, or one that goes over several lines is no JSON; the message names file
        and line. Any other bad record is `Invalid`.
    """
    return parse_records(source.path, values(source), parse)


def parse_records(
    path: Path, items: Iterable[tuple[int, Any]], parse: Callable[[int, Record], T]
) -> Iterator[T | Invalid]:
    """What `parse` makes of each record and its line; `Invalid` for a `CorpusError`, one that `parse` raises too, and
    for what is no object.

    path (Path): of the file, for the errors, which also name the `id` of a record: all may be on one line.
    """
    for line, value in items:
        try:
            if not isinstance(value, dict):
                raise value if isinstance(value, CorpusError) else _no_object(path, line, value)
            yield parse(line, value)
        except CorpusError as e:
            yield Invalid(_with_id(e, f"{path}, line {line}", value) if isinstance(value, dict) else e)


def read_values(source: TextSource, parse: Callable[[int, Any], T], key: str = "") -> Iterator[T | Invalid]:
    """The same as `read_records` of values of any kind.

    key: where the file is one object, the values are the elements of the array under this key.
    """
    for line, value in values(source, key):
        try:
            if isinstance(value, CorpusError):
                raise value
            yield parse(line, value)
        except CorpusError as e:
            yield Invalid(e)


def _with_id(error: CorpusError, place: str, record: Record) -> CorpusError:
    """The error with the `id` of the record after the place with which it begins, unless it is about that."""
    name, message = record_id(record), str(error)
    if not name or not message.startswith(f"{place}: ") or message.startswith(f"{place}: the id "):
        return error
    return CorpusError(f"{place}, id {name}{message.removeprefix(place)}")


def _no_object(path: Path, line: int, value: object) -> CorpusError:
    return CorpusError(Errors.no_object.format(path=path, line=line, found=shorten(value)))


def first_readable(items: Iterable[tuple[int, object]]) -> list[Record]:
    """The first records, without what is none."""
    found: list[Record] = []
    with suppress(CorpusError):  # which comes again when all are read
        found.extend(islice((value for _, value in items if isinstance(value, dict)), N_HEAD))
    return found


def first_record(rows: Sequence[str]) -> Record:
    """The first record of a file of which this is the head; empty where there is none.

    Of one that is longer than that, the keys are known, with those of the objects in it, and no value.
    """
    return next(iter(first_records(rows)), {})


def first_records(rows: Sequence[str]) -> list[Record]:
    """The first records of a file of which this is the head, up to a value that is none."""
    found = head_values(rows, N_HEAD)
    end = next((i for i, value in enumerate(found) if not isinstance(value, dict)), len(found))
    return found[:end]


def name_at(path: Path, line: int, record: Record, key: str) -> str:
    """The name of the document, from the value at a key, or, after dots, at one of an object in it: `meta.source`.

    RAISES CorpusError: there is no string or whole number; the message names file and line.
    """
    value = value_at(record, key)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise CorpusError(Errors.no_document_key.format(path=path, line=line, key=key, found=shown_keys(record)))
    return document_name(path, value)


def value_at(record: object, key: str) -> object:
    """The value at a key, or, after dots, at one of an object in it; None where there is none."""
    for part in [key] if isinstance(record, dict) and key in record else key.split("."):
        record = record.get(part) if isinstance(record, dict) else None
    return record


def shown_keys(record: object) -> str:
    """The keys of a record, as messages show them."""
    return (", ".join(map(str, record)) if isinstance(record, dict) else shorten(record))[:200] or "none"


def record_id(record: Record) -> str:
    """The `id` of a record, as messages show it; empty where it has none."""
    value = record.get("id")
    return shorten(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def check_id(path: Path, line: int, record: Record, lines: dict[object, int]) -> None:
    """Refuse an `id` that an earlier record has.

    lines: the line of each id so far, which grows.
    RAISES CorpusError: the message names both lines.
    """
    name = record.get("id")
    if not isinstance(name, (str, int)):
        return
    if name in lines:
        raise CorpusError(Errors.same_name.format(path=path, line=line, name=name, first=lines[name]))
    lines[name] = line
