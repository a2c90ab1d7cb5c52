"""Detokenize words: predict which words are followed by a space in natural text.

Word-based corpora do not store spaces. Words joined by single spaces form text that no one writes:
`the U.N. , said Mr. O'Neill 's wife`. A tokenizer splits such text into different subwords than natural text. These
rules restore the conventions that English shares with most other languages that use spaces. The whole sentence
determines which quotation marks open and which close: `“` closes a quotation that `„` opened, and `»` opens a quotation
that `«` closes. For English manuals and licences tokenized by spaCy, 99.2% of the spaces are correct, compared with
84.4% without the rules.

    words    He   said   "   It   is   n't   (   yet   )   "   .
    text     He said "It isn't (yet)".

Words in scripts without spaces, such as the characters in a Chinese corpus, are joined without spaces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from operator import itemgetter

SPACINGS = ("natural", "single", "none")

_CLOSES = re.compile(
    r"[.,;:!?)\]}%…”’»›。、，；：？！％）」』】》〉]+|\.{2,}|'{2}|(?:'|’)(?:s|S|re|RE|ve|VE|ll|LL|d|D|m|M)|(?:n|N)(?:'|’)(?:t|T)"
)
"""Words that are written without a space before them."""
_OPENS = re.compile(r"[(\[{“‘«„‚‹¿¡（「『【《〈]+|`{1,2}|(?:US|C|A|HK|NZ|S)?[$]|[£€¥]")
"""Words that are written without a space after them."""
_QUOTES = ('"', "'")
_STYLES = {
    "“”„": (("“„", "”"), ("“„", "“”"), ("„", "“”"), ("“„”", "”")),  # English and Polish, German (two styles), Swedish
    "«»": (("«", "»"), ("»", "«"), ("«»", "»")),  # French, German, Finnish
    "‹›": (("‹", "›"), ("›", "‹"), ("‹›", "›")),
    "‚‘": (("‚‘", "‘"),),
}
"""Groups of quotation marks, and the styles that use each group. A style consists of the opening and the closing marks.
A mark that can open and close quotations closes a quotation if one is open. The second German style covers a quotation
that began in an earlier sentence."""
_AFTER = ("", ".", ",", ";", ":", "!", "?", ")")
"""Words that cannot follow an opening quotation mark. The empty string represents the end of the sentence."""
_MARKS = frozenset("“”„«»‹›‚")
"""If a sentence contains one of these marks, `_STYLES` determines which quotation marks open and which close."""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3000-\u312f\u31a0-\u31ff\u3400-\u9fff\uf900-\ufaff"
    "\ufe30-\ufe4f\uff00-\uff9f\U00020000-\U0003ffff]"
)
"""A letter or punctuation mark from a script without spaces between words: Thai, Lao, Burmese, Khmer, kana, bopomofo or
Han."""
_SHARED = re.compile("[“”‘’…—·]")
"""A punctuation mark that Chinese shares with scripts that use spaces. It is written without spaces if most words match
`_UNSPACED`."""


@lru_cache(maxsize=1 << 16)
def _sides(word: str) -> tuple[bool, bool, bool] | None:
    """Return the sides on which a word is written without a space.

    RETURNS: three flags: whether there is no space before the word, whether there is no space after it, and whether
        it is a straight quotation mark, which can open or close a quotation. None if all flags are False, as for most
        words.
    """
    sides = _CLOSES.fullmatch(word) is not None, _OPENS.fullmatch(word) is not None, word in _QUOTES
    return sides if any(sides) else None


def natural_spaces(words: Sequence[str]) -> list[bool]:
    """Predict whether a space follows each word in natural text.

    >>> natural_spaces(["Hello", ",", "world", "!"])
    [False, True, False, False]

    words (Sequence[str]): the words in one sentence.
    RETURNS: one flag per word, which is False for the last word. *Shape:* `(n_words,)`
    """
    spaces = _spaces_of_scripts(words)
    is_open = dict.fromkeys(_QUOTES, False)
    opening = {} if _MARKS.isdisjoint(words) else _opening(words)
    for i, sides in enumerate(map(_sides, words)):
        if sides is None:
            continue
        closes, opens, quotes = sides
        word, before = words[i], words[i - 1] if i else ""
        if quotes:
            # In "the workers ' hall", the mark is a possessive apostrophe unless a single quotation is open.
            possessive = word == "'" and before[-1:] in ("s", "S")
            closes = is_open[word] or possessive
            opens = not closes
            if not possessive or is_open[word]:
                is_open[word] = not is_open[word]
        if i in opening:
            opens, closes = opening[i], not opening[i]
        if closes and i:
            spaces[i - 1] = False
        if opens:
            spaces[i] = False
    return spaces


def _spaces_of_scripts(words: Sequence[str]) -> list[bool]:
    """Predict whether a space follows each word, based only on the scripts of the word and the next word."""
    n = len(words)
    spaces = [True] * (n - 1) + [False] * bool(n)
    if not _UNSPACED.search("".join(words)):
        return spaces
    ends = [(_UNSPACED.match(word[:1]), _UNSPACED.match(word[-1:])) for word in words]
    shared = [_SHARED.fullmatch(word) for word in words]
    if 2 * sum(last is not None for _, last in ends) > shared.count(None):
        ends = [(first or mark, last or mark) for (first, last), mark in zip(ends, shared, strict=True)]
    for i, ((_, last), (first, _)) in enumerate(pairwise(ends)):
        spaces[i] = not (last and first)
    return spaces


def _opening(words: Sequence[str]) -> dict[int, bool]:
    """Return whether each directed quotation mark opens a quotation, in the quotation style with the fewest errors.

    RETURNS: the word index of each mark, mapped to True if the mark opens a quotation and to False if it closes one.
    """
    opening: dict[int, bool] = {}
    for marks, styles in _STYLES.items():
        mark_indices = [i for i, word in enumerate(words) if len(word) == 1 and word in marks]
        if mark_indices and not (marks == "‚‘" and "‚" not in words):
            opening |= min((_in_style(words, mark_indices, *style) for style in styles), key=itemgetter(0))[1]
    return opening


def _in_style(words: Sequence[str], mark_indices: list[int], openers: str, closers: str) -> tuple[int, dict[int, bool]]:
    """Count the errors in a sentence under one quotation style.

    An error is an opening mark inside an open quotation, a closing mark outside a quotation, or a quotation that is
    left open. An opening mark before punctuation or at the end of the sentence is also an error.

    mark_indices: indices of the marks in `words`.
    RETURNS: the number of errors, and whether the mark at each index opens a quotation.
    """
    n_faults, is_open, opening = 0, False, {}
    for i in mark_indices:
        opens = words[i] in openers and not (is_open and words[i] in closers)
        n_faults += opens == is_open
        n_faults += opens and "".join(words[i + 1 : i + 2]) in _AFTER
        opening[i] = is_open = opens
    return n_faults + is_open, opening
