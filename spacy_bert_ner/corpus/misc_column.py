"""What a file of columns needs to lose nothing: MISC, a column between word and tag, in the manner of CoNLL-U.

    -DOCSTART-  Document=news\\s1           O         the file is of this layout, and a document begins
    New         _                          B-geo     a space follows
    York        SpaceAfter=No              I-geo     none does
    _           Form=a\\sb|SpaceAfter=No    _         the word is `a b`, and its tag is unknown

The escapes are those of UDPipe, and `\\0`, as no file of text holds NUL: `\\s` space, `\\t` tab, `\\r` and `\\n` line
breaks, `\\p` pipe, `\\\\` backslash.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

DOCUMENT_START = "-DOCSTART-"
UNKNOWN = "_"
"""In place of a tag that is not known, and of a word that stands in MISC."""
NO_SPACE = "SpaceAfter=No"
_DOCUMENT, _FORM = "Document=", "Form="
_LETTERS = {" ": "s", "\t": "t", "\r": "r", "\n": "n", "|": "p", "\\": "\\", "\0": "0"}
_ESCAPES = str.maketrans({character: f"\\{letter}" for character, letter in _LETTERS.items()})
_CHARACTERS = {letter: character for character, letter in _LETTERS.items()}
_ESCAPED = r"(?:[^\\| \t]|\\[strnp\\0])"
_MISC = re.compile(rf"_|({NO_SPACE})|{_FORM}({_ESCAPED}+)(\|{NO_SPACE})?")
_NAME = re.compile(rf"{_DOCUMENT}({_ESCAPED}*)")
_IN_MISC = re.compile(r"_|#.*|.*[\s\0\ufeff].*|-DOCSTART-", re.DOTALL)
"""Words that a reader of columns would take for something else."""


class Misc(NamedTuple):
    """What MISC says: the word, None where that stands in its own column, and whether a space follows."""

    word: str | None
    space: bool


def write_misc(word: str, space: bool) -> tuple[str, str]:
    """The columns of a word and of MISC."""
    hidden = _IN_MISC.fullmatch(word) is not None
    items = [f"{_FORM}{_escaped(word)}"] * hidden + [NO_SPACE] * (not space)
    return UNKNOWN if hidden else word, "|".join(items) or "_"


def read_misc(text: str) -> Misc | None:
    """What a column says; None where it is no MISC of this layout."""
    match = _MISC.fullmatch(text)
    if match is None:
        return None
    return Misc(None if match[2] is None else _unescaped(match[2]), not (match[1] or match[3]))


def write_document(name: str) -> tuple[str, str, str]:
    """The columns of a row with which a document begins; without a name, sentences that are of none."""
    return DOCUMENT_START, f"{_DOCUMENT}{_escaped(name)}", "O"


def read_document(columns: Sequence[str]) -> str | None:
    """The name of a document in the columns of such a row; None where they are not of this layout."""
    match = _NAME.fullmatch(columns[1]) if len(columns) == 3 and columns[0] == DOCUMENT_START else None
    return _unescaped(match[1]) if match else None


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _CHARACTERS[match[1]], text)
