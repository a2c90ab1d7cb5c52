"""Read and write MISC, a column between word and tag that makes files of columns lossless, in the style of CoNLL-U.

    -DOCSTART-  Document=news\\s1           O         the file has this layout, and a document starts
    New         _                          B-geo     a space follows
    York        SpaceAfter=No              I-geo     no space follows
    _           Form=a\\sb|SpaceAfter=No    _         the word is `a b`, and its tag is unknown

The escapes are those of UDPipe: `\\s` space, `\\t` tab, `\\r` and `\\n` line breaks, `\\p` pipe, `\\\\` backslash.
`\\0` stands for NUL, which no text file contains.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

DOCUMENT_START = "-DOCSTART-"
UNKNOWN = "_"
"""Replaces an unknown tag, and a word that is stored in MISC."""
NO_SPACE = "SpaceAfter=No"
_DOCUMENT, _FORM = "Document=", "Form="
_LETTERS = {" ": "s", "\t": "t", "\r": "r", "\n": "n", "|": "p", "\\": "\\", "\0": "0"}
_ESCAPES = str.maketrans({character: f"\\{letter}" for character, letter in _LETTERS.items()})
_CHARACTERS = {letter: character for character, letter in _LETTERS.items()}
_ESCAPED = r"(?:[^\\| \t]|\\[strnp\\0])"
_MISC = re.compile(rf"_|({NO_SPACE})|{_FORM}({_ESCAPED}+)(\|{NO_SPACE})?")
_NAME = re.compile(rf"{_DOCUMENT}({_ESCAPED}*)")
_IN_MISC = re.compile(r"_|#.*|.*[\s\0\ufeff].*|-DOCSTART-", re.DOTALL)
"""Words that a reader of columns would misinterpret. They are stored in MISC."""


class Misc(NamedTuple):
    """The content of MISC: the word, or None if it is in its own column, and whether a space follows."""

    word: str | None
    space: bool


def write_misc(word: str, space: bool) -> tuple[str, str]:
    """Return the word column and the MISC column of a word."""
    hidden = _IN_MISC.fullmatch(word) is not None
    items = [f"{_FORM}{_escaped(word)}"] * hidden + [NO_SPACE] * (not space)
    return UNKNOWN if hidden else word, "|".join(items) or "_"


def read_misc(text: str) -> Misc | None:
    """Parse a MISC column; return None if it does not have this layout."""
    match = _MISC.fullmatch(text)
    if match is None:
        return None
    return Misc(None if match[2] is None else _unescaped(match[2]), not (match[1] or match[3]))


def write_document(name: str) -> tuple[str, str, str]:
    """Return the columns of a row that starts a document. An empty name stands for sentences without a document."""
    return DOCUMENT_START, f"{_DOCUMENT}{_escaped(name)}", "O"


def read_document(columns: Sequence[str]) -> str | None:
    """Return the document name in the columns of such a row; None if they do not have this layout."""
    match = _NAME.fullmatch(columns[1]) if len(columns) == 3 and columns[0] == DOCUMENT_START else None
    return _unescaped(match[1]) if match else None


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _CHARACTERS[match[1]], text)
