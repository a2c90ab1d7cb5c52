"""JSON values as a stream: one a line (JSONL), one after the other over several lines, or one array of any length.

A comma after the last value is allowed, as editors and scripts leave it there. Anything else that is no JSON is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from ...errors import CorpusError, Errors
from ..span_text import shorten
from .text_source import TextSource

MAX_RECORD = 1 << 26
"""Characters of one value."""
_CHUNK = 1 << 16
_WHITE = " \t\r\n"
_BLANK = re.compile(r"[ \t\r\n]*")
_FAILURES = (ValueError, RecursionError)  # no JSON; an integer of more digits than Python reads; too deep


def values(source: TextSource, key: str = "") -> Iterator[tuple[int, Any]]:
    """The values of a file, each with the line on which it begins; an error in place of a line that is none.

    key: where the file is one object, the values are the elements of the array under this key.
    RAISES CorpusError: a value is too long, or one that goes over several lines is no JSON. The message names file and
        line.
    """
    begin = ""
    with source.text() as text:
        while len(begin) < 2 and (chunk := text.read(_CHUNK)):
            begin = (begin + chunk).lstrip(_WHITE)
            begin = begin[:1] + begin[1:].lstrip(_WHITE)[:1]
    with source.text() as text:
        if begin[:1] == "{" and key:
            yield from elements_under(source.path, text, key)
        elif begin[:1] != "[" or begin[:2] == '["':  # a list of strings is a value
            yield from _lines(source, text)
        else:
            window = _Window(source.path, text)
            yield from _elements(window)
            window.check_end()


def _lines(source: TextSource, text: TextIO) -> Iterator[tuple[int, Any]]:
    path, line, is_first = source.path, 0, True
    while row := text.readline(_CHUNK):
        line += 1
        if not row.endswith(("\n", "\r")):
            row += text.readline(MAX_RECORD)
        if len(row) > MAX_RECORD:
            raise CorpusError(Errors.long_record.format(path=path, line=line, allowed=MAX_RECORD))
        if not row.strip():
            continue
        row = row.rstrip("\r\n")  # what its end lacks is lacking on this line
        try:
            value = json.loads(row)
        except _FAILURES as e:
            if isinstance(e, json.JSONDecodeError) and e.msg == "Extra data" and row[e.pos :].strip() == ",":
                value = json.loads(row[: e.pos])
            elif is_first and (row.strip() in ("{", "[") or _goes_over_lines(source)):
                yield from _spread(source)
                return
            else:
                value = _failure(path, line, row, e)
        is_first = False
        yield line, value


def _goes_over_lines(source: TextSource) -> bool:
    """Whether the first value of a file ends on a later line than it begins."""
    with source.text() as text:
        window = _Window(source.path, text)
        window.mark()
        begin = window.line
        try:
            window.decode()
        except CorpusError:
            return False
        return window.line > begin


def _spread(source: TextSource) -> Iterator[tuple[int, Any]]:
    """Values one after the other, with nothing or a comma between two."""
    with source.text() as text:
        window = _Window(source.path, text)
        while window.mark():
            line = window.line
            yield line, window.decode()
            if window.mark() == ",":
                window.skip()


def _elements(window: _Window) -> Iterator[tuple[int, Any]]:
    """The elements of an array."""
    window.expect("[")
    while window.mark() != "]":
        line = window.line
        yield line, window.decode()
        if window.mark() == ",":
            window.skip()
        elif window.mark() != "]":
            raise window.unexpected("',' or ']'")
    window.skip()


def elements_under(path: Path, text: TextIO, key: str) -> Iterator[tuple[int, Any]]:
    """The elements of the array under a key of an object; the values of its other keys are passed over."""
    window = _Window(path, text)
    window.expect("{")
    while window.mark() != "}":
        name = window.decode()
        window.expect(":")
        if name == key:
            yield from _elements(window)
        else:
            window.mark()
            window.decode()
        if window.mark() == ",":
            window.skip()
        elif window.mark() != "}":
            raise window.unexpected("',' or '}'")
    window.skip()
    window.check_end()


def end_of_blank(text: str, at: int) -> int:
    """The place after the white space that begins at a place."""
    return _BLANK.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too


class _Window:
    """The part of a text from which one value after the other is decoded.

    line: that of the place where it stands.
    """

    def __init__(self, path: Path, text: TextIO) -> None:
        self.line = 1
        self._path, self._text = path, text
        self._buffer, self._at, self._has_more = "", 0, True
        self._decoder = json.JSONDecoder()

    def mark(self) -> str:
        """Pass over white space; return the character after it, which is empty at the end of the text."""
        while True:
            end = end_of_blank(self._buffer, self._at)
            self.line += self._buffer.count("\n", self._at, end)
            self._at = end
            if end < len(self._buffer) or not self._has_more:
                return self._buffer[end : end + 1]
            self._buffer, self._at = self._text.read(_CHUNK), 0
            self._has_more = bool(self._buffer)

    def skip(self) -> None:
        """Pass over the character of `mark`."""
        self._at += 1

    def expect(self, mark: str) -> None:
        """Pass over this character.

        RAISES CorpusError: there is another.
        """
        if self.mark() != mark:
            raise self.unexpected(repr(mark))
        self.skip()

    def unexpected(self, expected: str) -> CorpusError:
        """The error about what stands here."""
        found = shorten(self._buffer[self._at : self._at + 20])
        return self._failure(ValueError(f"Expecting {expected}, found {found}"))

    def decode(self) -> Any:
        """The value that begins here.

        RAISES CorpusError: it is no JSON, or longer than `MAX_RECORD`.
        """
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except _FAILURES as e:
                if not (self._has_more and _is_cut(self._buffer, e)):
                    raise self._failure(e) from e
                length = len(self._buffer) - self._at
                if length > MAX_RECORD:
                    message = Errors.long_record.format(path=self._path, line=self.line, allowed=MAX_RECORD)
                    raise CorpusError(message) from e
                # As much again as there is, so that a long record is not decoded too often.
                chunk = self._text.read(max(_CHUNK, length))
                self._buffer, self._at, self._has_more = self._buffer[self._at :] + chunk, 0, bool(chunk)
                continue
            self.line += self._buffer.count("\n", self._at, end)
            self._at = end
            return value

    def check_end(self) -> None:
        """Refuse anything but white space up to the end of the text."""
        if self.mark():
            raise self._failure(ValueError("text after the end of the array"))

    def _failure(self, error: Exception) -> CorpusError:
        return _failure(self._path, self.line, self._buffer[self._at :], error)


def _is_cut(buffer: str, error: Exception) -> bool:
    """Whether JSON fails only where the buffer ends, and may go on there."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated string") or error.pos >= len(buffer.rstrip()) - len(r'"\ud83d\ude00"')


def _failure(path: Path, line: int, text: str, error: Exception) -> CorpusError:
    reason = str(error)
    if isinstance(error, json.JSONDecodeError):
        begin = len(error.doc) - len(text)  # of the record
        line += error.doc.count("\n", begin, error.pos)
        reason = f"{error.msg.removesuffix(' at')} at character {error.pos - begin + 1} of the record"
    elif isinstance(error, RecursionError):
        reason = "it is nested too deeply"
    return CorpusError(Errors.bad_json.format(path=path, line=line, reason=reason, text=shorten(text)))
