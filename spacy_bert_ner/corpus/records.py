"""JSON records as a stream: an object a line (JSONL), or one array of objects that may be of any length."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO, TypeVar

from ..errors import CorpusError, Errors
from .passage import document_name, shorten
from .sentence import Invalid
from .source import Source

Record = dict[str, Any]
T = TypeVar("T")

MAX_RECORD = 1 << 26
"""Characters of one record."""
_CHUNK = 1 << 16
_BLANK = re.compile(r"[ \t\r\n]*")
_KEY = re.compile(r'"([^"\\]{1,40})"\s*:')
_FAILURES = (ValueError, RecursionError)  # no JSON; an integer of more digits than Python reads; too deep


def read_records(source: Source, parse: Callable[[int, Record], T]) -> Iterator[T | Invalid]:
    """What `parse` makes of each record of a file and the line on which that begins.

    RAISES CorpusError: a record is too long, or an array is no JSON; the message names file and line. Any other bad
        record is `Invalid`, with an error that also names its id.
    """
    for line, record in _records(source):
        if isinstance(record, CorpusError):
            yield Invalid(record)
            continue
        try:
            yield parse(line, record)
        except CorpusError as e:
            yield Invalid(_name_record(e, f"{source.path}, line {line}", record))


def _name_record(error: CorpusError, where: str, record: Record) -> CorpusError:
    """Name the id of a record in an error that only names its file and line."""
    name, message = record_id(record), str(error)
    if not name or not message.startswith(f"{where}: ") or message.startswith(f"{where}: the id {name} "):
        return error
    return CorpusError(f"{where}, id {name}{message.removeprefix(where)}")


def name_at(path: Path, line: int, record: Record, key: str) -> str:
    """The name of the document, from the value at a key, or, after dots, at one of an object in it: `meta.source`.

    RAISES CorpusError: there is no string or whole number; the message names file and line.
    """
    value: object = record
    for part in [key] if key in record else key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        found = ", ".join(map(str, record))[:200] or "none"
        raise CorpusError(Errors.no_document_key.format(path=path, line=line, key=key, found=found))
    return document_name(path, value)


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


def _records(source: Source) -> Iterator[tuple[int, Record | CorpusError]]:
    """The records of a file, each with the line on which it begins; an error for one that is none."""
    with source.text() as text:
        head, line = "", 1
        while not head.strip() and (row := text.readline(_CHUNK)):
            line += head.count("\n")
            head = row
        if head.lstrip().startswith("["):
            yield from _array(source, text, head, line)
        elif head:
            yield from _lines(source, text, head, line)


def first_record(rows: Sequence[str]) -> Record:
    """The first record of a file of which this is the head; empty where there is none.

    Of one that is longer than that, the keys are known, with those of the objects in it, and no value.
    """
    head = "\n".join(rows).lstrip()
    if head.startswith("["):
        head = head[1:].lstrip()
    if not head.startswith("{"):
        return {}
    try:
        record, _ = json.JSONDecoder().raw_decode(head)
    except RecursionError:
        return {}
    except ValueError:
        return dict.fromkeys(_KEY.findall(head))
    return record if isinstance(record, dict) else {}


def _lines(source: Source, text: TextIO, row: str, line: int) -> Iterator[tuple[int, Record | CorpusError]]:
    while row:
        if not row.endswith(("\n", "\r")):
            row += text.readline(MAX_RECORD)
        if len(row) > MAX_RECORD:
            raise CorpusError(Errors.long_record.format(path=source.path, line=line, allowed=MAX_RECORD))
        if row.strip():
            try:
                record = json.loads(row.rstrip("\r\n"))  # what its end lacks is lacking on this line
            except _FAILURES as e:
                yield line, _failure(source, line, row.rstrip("\r\n"), e)
            else:
                yield line, _object(source, line, record)
        row, line = text.readline(_CHUNK), line + 1


def _array(source: Source, text: TextIO, buffer: str, line: int) -> Iterator[tuple[int, Record | CorpusError]]:
    """Decode one element after the other from a window of the text."""
    decoder = json.JSONDecoder()
    at, separator, more = buffer.index("[") + 1, "[", True

    def skip_blank(at: int) -> int:
        nonlocal line
        end = _BLANK.match(buffer, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        line += buffer.count("\n", at, end)
        return end

    line += buffer.count("\n", 0, at)
    while True:
        at = skip_blank(at)
        while at == len(buffer) and more:
            buffer, at = text.read(_CHUNK), 0
            more = bool(buffer)
            at = skip_blank(at)
        mark = buffer[at : at + 1]
        if mark == "]" and separator != ",":
            _check_end(source, text, buffer[at + 1 :], line)
            return
        if mark == "," and separator == "":
            separator, at = ",", at + 1
            continue
        if not mark or separator == "":
            found = ValueError(f"Expecting ',' or ']', found {shorten(buffer[at : at + 20])}")
            raise _failure(source, line, buffer[at:], found)
        try:
            record, end = decoder.raw_decode(buffer, at)
        except _FAILURES as e:
            if not (more and _is_cut(buffer, e)):
                raise _failure(source, line, buffer[at:], e) from e
            if len(buffer) - at > MAX_RECORD:
                raise CorpusError(Errors.long_record.format(path=source.path, line=line, allowed=MAX_RECORD)) from e
            # As much again as there is, so that a long record is not decoded too often.
            chunk = text.read(max(_CHUNK, len(buffer) - at))
            buffer, at, more = buffer[at:] + chunk, 0, bool(chunk)
            continue
        yield line, _object(source, line, record)
        line += buffer.count("\n", at, end)
        at, separator = end, ""


def _check_end(source: Source, text: TextIO, rest: str, line: int) -> None:
    while rest:
        if rest.strip(" \t\r\n"):
            line += rest[: len(rest) - len(rest.lstrip(" \t\r\n"))].count("\n")
            raise _failure(source, line, rest.strip(), ValueError("text after the end of the array"))
        line += rest.count("\n")
        rest = text.read(_CHUNK)


def _is_cut(buffer: str, error: Exception) -> bool:
    """Whether JSON fails only where the buffer ends, and may go on there."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated string") or error.pos >= len(buffer.rstrip()) - len(r'"\ud83d\ude00"')


def _object(source: Source, line: int, record: object) -> Record | CorpusError:
    if not isinstance(record, dict):
        return CorpusError(Errors.no_object.format(path=source.path, line=line, found=shorten(record)))
    return record


def _failure(source: Source, line: int, text: str, error: Exception) -> CorpusError:
    reason = str(error)
    if isinstance(error, json.JSONDecodeError):
        begin = len(error.doc) - len(text)  # of the record
        line += error.doc.count("\n", begin, error.pos)
        reason = f"{error.msg.removesuffix(' at')} at character {error.pos - begin + 1} of the record"
    elif isinstance(error, RecursionError):
        reason = "it is nested too deeply"
    return CorpusError(Errors.bad_json.format(path=source.path, line=line, reason=reason, text=shorten(text)))
