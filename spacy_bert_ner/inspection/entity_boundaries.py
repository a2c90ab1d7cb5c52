"""Find entities that begin or end with white space, or with punctuation that is not part of the name."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_PAIRS = {"(": ")", "[": "]", "{": "}", '"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“", "``": "''"}
_CLOSING = set(_PAIRS.values())
_PART_OF_NAMES = set("%#@$€£¥°+№/_")
"""Punctuation at the start or end of names and numbers, as in `11 %`, `#rain`, `@nobody` and `/r/spacy`."""
_MIN_TITLE_WORDS = 4
"""Minimum number of words in a title that may end with `!` or `?`."""
_MAX_ABBREVIATION_LETTERS = 5
"""Maximum number of letters in an abbreviation with a full stop, such as `Calif.`"""


def has_blank_edge(words: Sequence[str]) -> bool:
    """Return whether an entity begins or ends with white space."""
    return words[0] != words[0].lstrip() or words[-1] != words[-1].rstrip()


def has_odd_edge(words: Sequence[str]) -> bool:
    """Return whether an entity begins or ends with punctuation that is not part of the name.

    Return False for `U.N.`, `B . C .`, `Inc.`, `11 %`, `Yahoo!`, `'90s`, `O (Canada)` and a title in quotation marks.
    Return True for `Paris ,`, `Paris,`, `London.`, `" Paris` and `( Paris`.

    words (Sequence[str]): the words in the entity.
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
    """Return whether a word consists only of punctuation that is not part of names."""
    return all(unicodedata.category(c)[0] == "P" and c not in _PART_OF_NAMES for c in word)
