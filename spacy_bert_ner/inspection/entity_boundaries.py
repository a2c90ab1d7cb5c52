"""Find entities that begin or end with white space, or with punctuation that is not part of a name."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_PAIRS = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“", "``": "''"}
_CLOSING = set(_PAIRS.values())
_PART_OF_NAMES = set("%#@$€£¥°+№/_")
"""Punctuation with which names and numbers begin or end: `11 %`, `#rain`, `@nobody`, `/r/spacy`."""
_MIN_TITLE_WORDS = 4
"""Number of words from which a title may end with `!` or `?`."""
_MAX_ABBREVIATION_LETTERS = 5
"""Number of letters up to which a word with a full stop is an abbreviation, as in `Calif.`"""


def has_blank_edge(words: Sequence[str]) -> bool:
    """Return whether an entity begins or ends with white space."""
    return words[0] != words[0].lstrip() or words[-1] != words[-1].rstrip()


def has_odd_edge(words: Sequence[str]) -> bool:
    """Return whether an entity begins or ends with punctuation that is not part of it.

    `U.N.`, `B . C .`, `Inc.`, `11 %`, `Yahoo!`, `'90s`, `O (Canada)` and a title in quotation marks are allowed.
    `Paris ,`, `Paris,`, `London.`, `" Paris` and `( Paris` are not.

    words (Sequence[str]): the words of the entity.
    """
    whole = " ".join(words)
    return _odd_start(words[0], words[1:], whole) or _odd_end(words[-1], words[:-1], whole)


def _odd_start(word: str, others: Sequence[str], whole: str) -> bool:
    if _is_mark(word):
        return not any(_is_closed(word, other) for other in others)
    first = word[0]
    if first in _PAIRS and first != "'":
        return _PAIRS[first] not in whole[1:]
    return first in ",;:"


def _odd_end(word: str, others: Sequence[str], whole: str) -> bool:
    if _is_mark(word):
        if word in ("!", "?"):
            return len(others) < _MIN_TITLE_WORDS - 1
        if word == "." and others and len(others[-1]) == 1 and others[-1].isalpha():
            return False
        opened = {opening for opening, closing in _PAIRS.items() if closing == word}
        return not any(other[:2] in opened or other[:1] in opened for other in others)
    last = word[-1]
    if last in _CLOSING and last not in "'’":
        return not any(opening in whole[:-1] for opening, closing in _PAIRS.items() if closing == last)
    if last == ".":
        return "." not in word[:-1] and sum(map(str.isalpha, word)) > _MAX_ABBREVIATION_LETTERS
    return last in ",:" or (last == ";" and "&" not in word)


def _is_closed(opening: str, other: str) -> bool:
    closing = _PAIRS.get(opening)
    return closing is not None and other.endswith(closing)


def _is_mark(word: str) -> bool:
    """Return whether a word is only punctuation."""
    return all(unicodedata.category(c)[0] == "P" and c not in _PART_OF_NAMES for c in word)
