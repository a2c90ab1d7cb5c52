"""Read and write the MISC column of column files, in the style of CoNLL-U.

The column follows the word column and stores what the other columns cannot store, so no information is lost.

    -DOCSTART-  Document=news\\s1           O         identifies this layout and starts a document
    New         _                          B-geo     a space follows
    York        SpaceAfter=No              I-geo     no space follows
    _           Form=a\\sb|SpaceAfter=No    _         the word is `a b`, and its tag is unknown

The escapes are those of UDPipe: `\\s` space, `\\t` tab, `\\r` and `\\n` line breaks, `\\p` pipe, `\\\\` backslash.
`\\0` represents NUL, which text files do not contain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

DOCUMENT_START = "-DOCSTART-"
UNKNOWN = "_"
"""Placeholder for an unknown tag and for a word that is stored in MISC."""
NO_SPACE = "SpaceAfter=No"
_DOCUMENT, _FORM = "Document=", "Form="
_LETTERS = {" ": "s", "\t": "t", "\r": "r", "\n": "n", "|": "p", "\\": "\\", "\0": "0"}
_ESCAPES = str.maketrans({character: f"\\{letter}" for character, letter in _LETTERS.items()})
_CHARACTERS = {letter: character for character, letter in _LETTERS.items()}
_ESCAPED = r"(?:[^\\| \t]|\\[strnp\\0])"
_MISC = re.compile(rf"_|({NO_SPACE})|{_FORM}({_ESCAPED}+)(\|{NO_SPACE})?")
_NAME = re.compile(rf"{_DOCUMENT}({_ESCAPED}*)")
_IN_MISC = re.compile(r"_|#.*|.*[\s\0\ufeff].*|-DOCSTART-", re.DOTALL)
"""Pattern for words that are stored in MISC because a reader would misinterpret them in the word column."""


class Misc(NamedTuple):
    """The content of a MISC value.

    word: the word; None if it is in the word column.
    space: whether a space follows the word.
    """

    word: str | None
    space: bool


def write_misc(word: str, space: bool) -> tuple[str, str]:
    """Return the values of the word column and the MISC column for a word."""
    hidden = _IN_MISC.fullmatch(word) is not None
    items = [f"{_FORM}{_escaped(word)}"] * hidden + [NO_SPACE] * (not space)
    return UNKNOWN if hidden else word, "|".join(items) or "_"


def read_misc(text: str) -> Misc | None:
    """Parse a MISC value. Return None if it is invalid."""
    match = _MISC.fullmatch(text)
    if match is None:
        return None
    return Misc(None if match[2] is None else _unescaped(match[2]), not (match[1] or match[3]))


def write_document(name: str) -> tuple[str, str, str]:
    """Return the columns of a row that starts a document. An empty name marks sentences without a document."""
    return DOCUMENT_START, f"{_DOCUMENT}{_escaped(name)}", "O"


def read_document(columns: Sequence[str]) -> str | None:
    """Return the document name from a row that starts a document, or None for any other row."""
    match = _NAME.fullmatch(columns[1]) if len(columns) == 3 and columns[0] == DOCUMENT_START else None
    return _unescaped(match[1]) if match else None


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _CHARACTERS[match[1]], text)
