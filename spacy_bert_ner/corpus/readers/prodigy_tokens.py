"""Check the tokens in a Prodigy record and fill the gaps between them.

Gaps consist of white space. A single space belongs to the token before it. Any further white space becomes a separate
token, as in spaCy, so that the text is preserved.

    text    Ada··met\\n      tokens    Ada  met         words    Ada·  ·  met  \\n      (· is a space)
"""

from __future__ import annotations

from pathlib import Path

from ...errors import CorpusError, Errors
from ..span_text import Tokens, shorten


def check_tokens(path: Path, line: int, text: str, items: object) -> Tokens:
    """Check the tokens in a record and return its words and the spaces between them.

    path (Path): the file path, for error messages.
    line (int): the line number of the record, for error messages.
    text (str): the text of the record.
    items (object): the value at the key `tokens`: a list of objects with `start`, `end` and, optionally, `text`.
    RETURNS (Tokens): the words, and whether a space follows each word.
    RAISES CorpusError: a token is outside the text, differs from the text at its offsets, or overlaps the previous
        token. A gap between tokens contains characters other than white space. The message includes the file and line.
    """
    if not isinstance(items, list):
        raise CorpusError(Errors.bad_gold.format(path=path, line=line, found=shorten(items), n=len(text)))
    tokens, last = Tokens([], []), 0
    for item in items:
        start, end, declared_text = (
            (item.get(key) for key in ("start", "end", "text")) if isinstance(item, dict) else [None] * 3
        )
        # Compare types, because `isinstance` would accept `bool`.
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
            raise CorpusError(Errors.bad_gold.format(path=path, line=line, found=shorten(item), n=len(text)))
        where = {"path": path, "line": line, "start": start, "end": end, "covered": shorten(text[start:end])}
        if declared_text is not None and declared_text != text[start:end]:
            raise CorpusError(Errors.gold_text.format(**where, said=shorten(declared_text)))
        if start < last:
            raise CorpusError(Errors.gold_order.format(**where, last=last))
        _fill_gap(path, line, text, tokens, last, start)
        tokens.words.append(text[start:end])
        tokens.spaces.append(False)
        last = end
    _fill_gap(path, line, text, tokens, last, len(text))
    return tokens


def check_unknown(path: Path, line: int, text: str, items: object) -> list[tuple[int, int]]:
    """Check the character ranges whose annotation is unknown.

    path (Path): the file path, for error messages.
    line (int): the line number of the record, for error messages.
    text (str): the text of the record.
    items (object): the value at the key `unknown`: a list of pairs of start and end offsets, in characters.
    RETURNS (list[tuple[int, int]]): the pairs.
    RAISES CorpusError: an item is not a pair of offsets or is outside the text. The message includes the file and line.
    """
    if not isinstance(items, list):
        raise CorpusError(Errors.bad_unknown.format(path=path, line=line, found=shorten(items), n=len(text)))
    parts = []
    for item in items:
        start, end = item if isinstance(item, list) and len(item) == 2 else (None, None)
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
            raise CorpusError(Errors.bad_unknown.format(path=path, line=line, found=shorten(item), n=len(text)))
        parts.append((start, end))
    return parts


def _fill_gap(path: Path, line: int, text: str, tokens: Tokens, start: int, end: int) -> None:
    """Add the white space in the gap between two tokens to `tokens`.

    RAISES CorpusError: the gap contains characters other than white space.
    """
    gap = text[start:end]
    if gap.strip():
        covered = shorten(gap)
        raise CorpusError(Errors.gold_gap.format(path=path, line=line, start=start, end=end, covered=covered))
    add_gap(tokens, gap)


def add_gap(tokens: Tokens, gap: str) -> None:
    """Add the white space between two tokens.

    A space at the start of the gap is stored with the preceding token. The rest becomes a separate token.

    tokens (Tokens): the tokens so far, which are extended in place.
    gap (str): the text between two tokens.
    """
    if gap.startswith(" ") and tokens.spaces:
        tokens.spaces[-1] = True
        gap = gap[1:]
    if gap:
        tokens.words.append(gap)
        tokens.spaces.append(False)
