"""Convert offsets from the unit of a file to characters.

The example shows the offsets of the text "😀 Mia" in each unit:

text         😀 ␣ M i a
characters   0 1 2 3 4 5
utf-16       0 2 3 4 5 6         as counted by JavaScript, Java and C#
bytes        0 4 5 6 7 8         in UTF-8
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple

from .span_text import AnnotatedText

UNITS = ("characters", "utf-16", "bytes")
"""Offset units that the user can specify."""
CHARACTERS = UNITS[0]
ASTRAL = re.compile("[\U00010000-\U0010ffff]")
"""A character that UTF-16 encodes as two units."""
_LINE_FEED = re.compile(r"(?<!\r)\n")

ToCharacters = Callable[[int], int | None]
"""Function that maps an offset to a character index, or to None if it is inside a character or outside the text."""


class OffsetUnit(NamedTuple):
    """A unit in which offsets are counted.

    title: name of the unit in messages.
    differs: function that returns whether offsets in a passage differ from character offsets.
    widths: function that returns the number of units in each character.
    shift: number of units before the first character. Default: 0.
    """

    title: str
    differs: Callable[[AnnotatedText], bool]
    widths: Callable[[str], list[int]]
    shift: int = 0

    def to_characters(self, passage: AnnotatedText) -> ToCharacters:
        """Return a function that maps offsets in a passage to character indices."""
        if not self.differs(passage):
            last = len(passage.text)
            return lambda offset: offset if 0 <= offset <= last else None
        edges = accumulate(self.widths(passage.text), initial=self.shift)
        # A zero-width character shares its offset with the next character, which takes precedence.
        return {edge: i for i, edge in enumerate(edges)}.get

    def length(self, passage: AnnotatedText) -> int:
        """Return the length of a passage in this unit."""
        return sum(self.widths(passage.text), start=self.shift)


def _one_each(text: str) -> list[int]:
    return [1] * len(text)


def _utf16(text: str) -> list[int]:
    return [2 if character > "\uffff" else 1 for character in text]


def _utf8(text: str) -> list[int]:
    return [len(character.encode()) for character in text]


def _crlf_as_one(text: str) -> list[int]:
    return [int(text[i] != "\n" or text[i - 1 : i] != "\r") for i in range(len(text))]


def _lf_as_two(text: str) -> list[int]:
    return [2 if text[i] == "\n" and text[i - 1 : i] != "\r" else 1 for i in range(len(text))]


OFFSET_UNITS = {
    CHARACTERS: OffsetUnit("characters", lambda passage: False, _one_each),
    "utf-16": OffsetUnit("UTF-16 units", lambda passage: bool(ASTRAL.search(passage.text)), _utf16),
    "bytes": OffsetUnit("UTF-8 bytes", lambda passage: not passage.text.isascii(), _utf8),
    "mark": OffsetUnit("a byte-order mark before the text", lambda passage: passage.has_mark, _one_each, shift=1),
    "no-mark": OffsetUnit(
        "the text without its byte-order mark", lambda passage: passage.text.startswith("\ufeff"), _one_each, shift=-1
    ),
    "crlf": OffsetUnit(r"a line end \r\n as one character", lambda passage: "\r\n" in passage.text, _crlf_as_one),
    "lf": OffsetUnit(
        r"a line end \n as two characters", lambda passage: bool(_LINE_FEED.search(passage.text)), _lf_as_two
    ),
}
"""All known offset units, in the order in which they are tried."""
