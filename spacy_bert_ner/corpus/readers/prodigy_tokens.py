"""The tokens that a record of JSON gives its text, as Prodigy writes them: checked, and without a gap.

Text between tokens is white space. One space is that after the token before it; what is more is a token of its own, as
spaCy has it, so that the text stays as it is.

    text    Ada··met\\n      tokens    Ada  met         words    Ada·  ·  met  \\n      (· is a space)
"""

from __future__ import annotations

from pathlib import Path

from ...errors import CorpusError, Errors
from ..span_text import Tokens, shorten


def check_tokens(path: Path, line: int, text: str, items: object) -> Tokens:
    """The words of a text, and whether a space follows each.

    items: what the record has under `tokens`: objects with `start`, `end` and, if it is given, `text`.
    RAISES CorpusError: one has no place in the text, is not the text at its place, or begins before the end of the one
        before; or text is in none. The message names file and line.
    """
    if not isinstance(items, list):
        raise CorpusError(Errors.bad_gold.format(path=path, line=line, found=shorten(items), n=len(text)))
    tokens, last = Tokens([], []), 0
    for item in items:
        start, end, said = (item.get(key) for key in ("start", "end", "text")) if isinstance(item, dict) else [None] * 3
        # A Boolean is an integer to Python.
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= len(text):
            raise CorpusError(Errors.bad_gold.format(path=path, line=line, found=shorten(item), n=len(text)))
        where = {"path": path, "line": line, "start": start, "end": end, "covered": shorten(text[start:end])}
        if said is not None and said != text[start:end]:
            raise CorpusError(Errors.gold_text.format(**where, said=shorten(said)))
        if start < last:
            raise CorpusError(Errors.gold_order.format(**where, last=last))
        _fill(path, line, text, tokens, last, start)
        tokens.words.append(text[start:end])
        tokens.spaces.append(False)
        last = end
    _fill(path, line, text, tokens, last, len(text))
    return tokens


def check_unknown(path: Path, line: int, text: str, items: object) -> list[tuple[int, int]]:
    """The parts of a text whose annotation is not known: pairs of a start and an end.

    RAISES CorpusError: one is none, or not in the text.
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


def _fill(path: Path, line: int, text: str, tokens: Tokens, start: int, end: int) -> None:
    """Add what is between two tokens."""
    gap = text[start:end]
    if gap.strip():
        covered = shorten(gap)
        raise CorpusError(Errors.gold_gap.format(path=path, line=line, start=start, end=end, covered=covered))
    add_gap(tokens, gap)


def add_gap(tokens: Tokens, gap: str) -> None:
    """Add the text between two tokens: a space after the one before it; what is more is a token of its own."""
    if gap.startswith(" ") and tokens.spaces:
        tokens.spaces[-1] = True
        gap = gap[1:]
    if gap:
        tokens.words.append(gap)
        tokens.spaces.append(False)
