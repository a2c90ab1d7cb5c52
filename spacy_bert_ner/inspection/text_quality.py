"""Find unnatural text, such as encoding errors, markup and tokenizer artefacts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html.entities import html5
from typing import NamedTuple

_REFERENCE = re.compile(r"&( ?)(\w+|#\d+|#[xX][0-9a-fA-F]+) ?;")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\ufeff]")
_TREEBANK = {"``", "-LRB-", "-RRB-", "-LSB-", "-RSB-", "-LCB-", "-RCB-"}
_CLINGS = re.compile(r"[.,]|(?:'|’)(?:s|re|ve|ll|d|m)|n(?:'|’)t", re.IGNORECASE)
"""Words that are written without a space before them. In French, other punctuation has a space before it."""

CODES = {
    "replacement": "the replacement character U+FFFD",
    "mojibake": "text decoded with the wrong encoding, such as Ã© for é",
    "control": "control or other invisible characters",
    "markup": "HTML character references such as &amp;",
    "treebank": "Penn Treebank brackets and quotation marks, such as -LRB- and ``",
}


class TextIssue(NamedTuple):
    """A range of words that is not natural text.

    code (str): type of issue, a key in `CODES`.
    start (int): index of the first word.
    end (int): index after the last word.
    """

    code: str
    start: int
    end: int


def text_issues(words: Sequence[str], text: str) -> Iterator[TextIssue]:
    """Find unnatural text in a sentence.

    words (Sequence[str]): the words in the sentence.
    text (str): the words joined by spaces.
    YIELDS (TextIssue): the issues.
    """
    if "&" in text:
        yield from _references(words, text)
    is_ascii = text.isascii()
    if is_ascii and "``" not in text and "B-" not in text and not _CONTROL.search(text):
        return
    for i, word in enumerate(words):
        if word in _TREEBANK:
            yield TextIssue("treebank", i, i + 1)
        if _CONTROL.search(word):
            yield TextIssue("control", i, i + 1)
        if "\ufffd" in word:
            yield TextIssue("replacement", i, i + 1)
        elif is_mojibake(word):
            yield TextIssue("mojibake", i, i + 1)


def is_mojibake(word: str) -> bool:
    """Return whether a word is UTF-8 text that was decoded as Windows-1252 or Latin-1.

    If such a word is encoded as Windows-1252 or Latin-1 again, the result is valid UTF-8.
    """
    if word.isascii():
        return False
    for codec in ("cp1252", "latin-1"):
        try:
            return len(word.encode(codec).decode("utf-8")) < len(word)
        except UnicodeError:
            continue
    return False


def spaced_marks(words: Sequence[str], spaces: Sequence[bool]) -> tuple[list[int], int]:
    """Find punctuation and contractions that are usually written without a space before them.

    words (Sequence[str]): the words in the sentence.
    spaces (Sequence[bool]): whether a space follows each word.
    RETURNS (tuple[list[int], int]): the indices of the marks and contractions that are preceded by a space, and the
        total number of marks and contractions.
    """
    clinging = [i for i in range(1, len(words)) if _CLINGS.fullmatch(words[i])]
    return [i for i in clinging if spaces[i - 1]], len(clinging)


def _references(words: Sequence[str], text: str) -> Iterator[TextIssue]:
    for match in _REFERENCE.finditer(text):
        if match[2][0] != "#" and f"{match[2]};" not in html5:
            continue
        start, end = (text.count(" ", 0, position) for position in (match.start(), match.end() - 1))
        # A space inside a word is counted as a word boundary here, so clip the indices.
        yield TextIssue("markup", min(start, len(words) - 1), min(end, len(words) - 1) + 1)
