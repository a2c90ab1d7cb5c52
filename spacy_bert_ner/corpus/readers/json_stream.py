"""Read JSON values as a stream: one per line (JSONL), consecutive multi-line values, or an array of any length.

A comma after the last value is allowed, because editors and scripts often leave one. Any other deviation from JSON is
an error.
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
"""Maximum length of a value, in characters."""
_CHUNK = 1 << 16
_WHITE_SPACE = " \t\r\n"
_BLANK = re.compile(r"[ \t\r\n]*")
_FAILURES = (ValueError, RecursionError)  # for invalid JSON, integers with too many digits, and deep nesting


def values(source: TextSource, key: str = "") -> Iterator[tuple[int, Any]]:
    """Yield the values in a file, each with the line number on which it begins.

    source (TextSource): the file.
    key (str): the key for an array. If the file is a single object, the values are the elements of this array. Default:
        empty (no key).
    YIELDS (tuple[int, Any]): the line number (from 1) and the value. A `CorpusError` replaces the value of an invalid
        line.
    RAISES CorpusError: a value is too long, or a value that spans several lines is not valid JSON. The message includes
        the file and line.
    """
    begin = _first_characters(source)
    with source.text() as text:
        if begin[:1] == "{" and key:
            yield from elements_under(source.path, text, key)
        elif begin[:1] != "[" or begin[:2] == '["':  # a list of strings is a single value
            yield from _line_values(source, text)
        else:
            decoder = _StreamDecoder(source.path, text)
            yield from _elements(decoder)
            decoder.check_end()


def _first_characters(source: TextSource) -> str:
    """Return the first two characters in a file, ignoring white space."""
    begin = ""
    with source.text() as text:
        while len(begin) < 2 and (chunk := text.read(_CHUNK)):
            begin = (begin + chunk).lstrip(_WHITE_SPACE)
            begin = begin[:1] + begin[1:].lstrip(_WHITE_SPACE)[:1]
    return begin


def _line_values(source: TextSource, text: TextIO) -> Iterator[tuple[int, Any]]:
    """Yield the value on each line, or consecutive values if the first value spans several lines."""
    is_first = True
    for line, row in _rows(source.path, text):
        try:
            value = json.loads(row)
        except _FAILURES as e:
            if end := _end_before_comma(row, e):
                value = json.loads(row[:end])
            elif is_first and (row.strip() in ("{", "[") or _spans_lines(source)):
                yield from _consecutive_values(source)
                return
            else:
                value = _bad_json_error(source.path, line, row, e)
        is_first = False
        yield line, value


def _rows(path: Path, text: TextIO) -> Iterator[tuple[int, str]]:
    """Yield the non-blank rows with their line numbers (from 1) and without line endings.

    RAISES CorpusError: a row is longer than `MAX_RECORD`.
    """
    line = 0
    while row := text.readline(_CHUNK):
        line += 1
        if not row.endswith(("\n", "\r")):
            row += text.readline(MAX_RECORD)
        if len(row) > MAX_RECORD:
            raise CorpusError(Errors.long_record.format(path=path, line=line, allowed=MAX_RECORD))
        if row.strip():
            yield line, row.rstrip("\r\n")  # an error at the end is then reported on this line


def _end_before_comma(row: str, error: Exception) -> int:
    """Return the end offset of a row's value if the only error is a trailing comma, or 0 otherwise."""
    if isinstance(error, json.JSONDecodeError) and error.msg == "Extra data" and row[error.pos :].strip() == ",":
        return error.pos
    return 0


def _spans_lines(source: TextSource) -> bool:
    """Return whether the first value in a file spans several lines."""
    with source.text() as text:
        decoder = _StreamDecoder(source.path, text)
        decoder.peek()
        begin = decoder.line
        try:
            decoder.decode()
        except CorpusError:
            return False
        return decoder.line > begin


def _consecutive_values(source: TextSource) -> Iterator[tuple[int, Any]]:
    """Yield consecutive values, which may be separated by commas."""
    with source.text() as text:
        decoder = _StreamDecoder(source.path, text)
        while decoder.peek():
            line = decoder.line
            yield line, decoder.decode()
            if decoder.peek() == ",":
                decoder.skip()


def _elements(decoder: _StreamDecoder) -> Iterator[tuple[int, Any]]:
    """Yield the elements of an array with their line numbers."""
    decoder.expect("[")
    while decoder.peek() != "]":
        line = decoder.line
        yield line, decoder.decode()
        if decoder.peek() == ",":
            decoder.skip()
        elif decoder.peek() != "]":
            raise decoder.unexpected_error("',' or ']'")
    decoder.skip()


def elements_under(path: Path, text: TextIO, key: str) -> Iterator[tuple[int, Any]]:
    """Yield the elements of an array in an object. Skip the values at all other keys.

    path (Path): the file path, for error messages.
    text (TextIO): a single object.
    key (str): the key for the array.
    YIELDS (tuple[int, Any]): the line number (from 1) and the element.
    RAISES CorpusError: the text is not valid JSON, or the value at the key is not an array. The message includes the
        file and line.
    """
    decoder = _StreamDecoder(path, text)
    decoder.expect("{")
    while decoder.peek() != "}":
        name = decoder.decode()
        decoder.expect(":")
        if name == key:
            yield from _elements(decoder)
        else:
            decoder.peek()
            decoder.decode()
        if decoder.peek() == ",":
            decoder.skip()
        elif decoder.peek() != "}":
            raise decoder.unexpected_error("',' or '}'")
    decoder.skip()
    decoder.check_end()


def skip_blank(text: str, offset: int) -> int:
    """Return the offset of the first character at or after `offset` that is not white space."""
    return _BLANK.match(text, offset).end()  # type: ignore[union-attr]  # the pattern also matches an empty string


class _StreamDecoder:
    """A decoder for consecutive JSON values that does not load the whole text.

    line (int): the line number at the current position, from 1.
    """

    def __init__(self, path: Path, text: TextIO) -> None:
        self.line = 1
        self._path, self._text = path, text
        self._buffer, self._offset, self._has_more = "", 0, True
        self._decoder = json.JSONDecoder()

    def peek(self) -> str:
        """Skip white space and return the next character. Return an empty string at the end of the text."""
        while True:
            end = skip_blank(self._buffer, self._offset)
            self.line += self._buffer.count("\n", self._offset, end)
            self._offset = end
            if end < len(self._buffer) or not self._has_more:
                return self._buffer[end : end + 1]
            self._buffer, self._offset = self._text.read(_CHUNK), 0
            self._has_more = bool(self._buffer)

    def skip(self) -> None:
        """Skip the character that `peek` returned."""
        self._offset += 1

    def expect(self, character: str) -> None:
        """Skip the next character if it is the expected one.

        RAISES CorpusError: the next character is a different one.
        """
        if self.peek() != character:
            raise self.unexpected_error(repr(character))
        self.skip()

    def unexpected_error(self, expected: str) -> CorpusError:
        """Create the error for an unexpected character at the current position."""
        found = shorten(self._buffer[self._offset : self._offset + 20])
        return self._bad_json_error(ValueError(f"Expecting {expected}, found {found}"))

    def decode(self) -> Any:
        """Decode the value at the current position.

        RETURNS (Any): the decoded value.
        RAISES CorpusError: the value is not valid JSON or is longer than `MAX_RECORD`.
        """
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._offset)
            except _FAILURES as e:
                if not (self._has_more and _is_truncated(self._buffer, e)):
                    raise self._bad_json_error(e) from e
                self._read_more(e)
                continue
            self.line += self._buffer.count("\n", self._offset, end)
            self._offset = end
            return value

    def _read_more(self, error: Exception) -> None:
        """Extend the buffer, which ends within the current value.

        RAISES CorpusError: the value is longer than `MAX_RECORD`.
        """
        length = len(self._buffer) - self._offset
        if length > MAX_RECORD:
            message = Errors.long_record.format(path=self._path, line=self.line, allowed=MAX_RECORD)
            raise CorpusError(message) from error
        # Double the length to limit the number of attempts to decode a long record.
        chunk = self._text.read(max(_CHUNK, length))
        self._buffer, self._offset, self._has_more = self._buffer[self._offset :] + chunk, 0, bool(chunk)

    def check_end(self) -> None:
        """Check that the rest of the text is white space.

        RAISES CorpusError: the text contains other characters.
        """
        if self.peek():
            raise self._bad_json_error(ValueError("text after the end of the array"))

    def _bad_json_error(self, error: Exception) -> CorpusError:
        return _bad_json_error(self._path, self.line, self._buffer[self._offset :], error)


def _is_truncated(buffer: str, error: Exception) -> bool:
    """Return whether decoding fails only at the end of the buffer, so that more text may complete the value."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.msg.startswith("Unterminated string") or error.pos >= len(buffer.rstrip()) - len(r'"\ud83d\ude00"')


def _bad_json_error(path: Path, line: int, text: str, error: Exception) -> CorpusError:
    """Create the error for a record that is not valid JSON.

    path (Path): the file path.
    line (int): the line number on which the record begins.
    text (str): the text, which begins with the record.
    error (Exception): the error that the JSON decoder raised.
    """
    reason = str(error)
    if isinstance(error, json.JSONDecodeError):
        begin = len(error.doc) - len(text)  # where the record begins
        line += error.doc.count("\n", begin, error.pos)
        reason = f"{error.msg.removesuffix(' at')} at character {error.pos - begin + 1} of the record"
    elif isinstance(error, RecursionError):
        reason = "it is nested too deeply"
    return CorpusError(Errors.bad_json.format(path=path, line=line, reason=reason, text=shorten(text)))
