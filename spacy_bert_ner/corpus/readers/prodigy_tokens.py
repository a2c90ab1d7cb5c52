"""Check the tokens of a JSON record, as Prodigy writes them, and fill the gaps between them.

Text between tokens is white space. A single space belongs to the token before it. Further white space becomes a
separate token, as in spaCy, which preserves the text.

    text    Ada··met\\n      tokens    Ada  met         words    Ada·  ·  met  \\n      (· is a space)
"""

from __future__ import annotations

from pathlib import Path

from ...errors import CorpusError, Errors
from ..span_text import Tokens, shorten


def check_tokens(path: Path, line: int, text: str, items: object) -> Tokens:
    """Check the tokens of a record, and return its words with the spaces between them.

    path (Path): the file, for the errors.
    line (int): the line of the record, for the errors.
    text (str): the text of the record.
    items (object): the value at the key `tokens`: objects with `start`, `end` and, optionally, `text`.
    RETURNS (Tokens): the words, and whether a space follows each word.
    RAISES CorpusError: a token is outside the text, differs from the text at its offsets, or begins before the end of
        the previous token; or a part of the text has no token. The message names file and line.
    """
    if not isinstance(items, list):
        raise CorpusError(Errors.bad_gold.format(path=path, line=line, found=shorten(items), n=len(text)))
    tokens, last = Tokens([], []), 0
    for item in items:
        start, end, declared_text = (
            (item.get(key) for key in ("start", "end", "text")) if isinstance(item, dict) else [None] * 3
        )
        # A bool is an instance of int, and is refused too.
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
    """Check the parts of a text whose annotation is unknown.

    path (Path): the file, for the errors.
    line (int): the line of the record, for the errors.
    text (str): the text of the record.
    items (object): the value at the key `unknown`: pairs of a start and an end in characters.
    RETURNS (list[tuple[int, int]]): the pairs.
    RAISES CorpusError: an item is not a pair of offsets, or is outside the text. The message names file and line.
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
    """Add the white space between two tokens.

    RAISES CorpusError: there is other text between them.
    """
    gap = text[start:end]
    if gap.strip():
        covered = shorten(gap)
        raise CorpusError(Errors.gold_gap.format(path=path, line=line, start=start, end=end, covered=covered))
    add_gap(tokens, gap)


def add_gap(tokens: Tokens, gap: str) -> None:
    """Add the white space between two tokens.

    A leading space is stored with the token before it; the rest becomes a separate token.

    tokens (Tokens): the tokens so far, which are extended.
    gap (str): the text between two tokens.
    """
    if gap.startswith(" ") and tokens.spaces:
        tokens.spaces[-1] = True
        gap = gap[1:]
    if gap:
        tokens.words.append(gap)
        tokens.spaces.append(False)
