"""In which encoding a file is written that is not UTF-8, as far as its words tell.

A guess is only ever offered, with how it reads some words, and the user names it. Decoded in a wrong encoding, words
are implausible: letters of two alphabets in one, symbols within, capitals in odd places, characters that hardly occur.
charset-normalizer is not used: annotation is mostly ASCII, and from its other words alone it takes Spanish and French
for Central European at any length, and short Japanese for Korean.

    bytes CD F5 D0 A1 C3 F7    gb18030  王小明    big5  卼苤隴    cp1252  ÍõÐ¡Ã÷
"""

from __future__ import annotations

import codecs
import unicodedata
from functools import lru_cache
from itertools import islice
from typing import BinaryIO, NamedTuple

WINDOWS = "cp1252"
"""The Western European encoding of Windows, which is Latin-1 but for 27 characters more."""
OTHERS = "cp1252, or another: gb18030, big5, cp932, euc-jp, cp949, cp1250, cp1251, koi8-r, mac-roman"
"""What is named where nothing is likely."""
_CHUNK = 1 << 16
_MAX_ERRORS = 1000
_MAX_WORDS = 2000
_LONG = 60  # bytes of a word; more are a text without spaces, of which no more are looked at
_SEPARATORS = bytes([*range(0x30), *range(0x3A, 0x40)])
"""Bytes that are ASCII in all encodings here, and no part of a character of several bytes."""
_TO_SPACE = bytes(32 if byte in _SEPARATORS else byte for byte in range(256))
_WINDOWS_ONLY = bytes(range(0x80, 0xA0))
"""Bytes that are control characters in Latin-1, and quotation marks and dashes in Windows-1252."""

_EAST_ASIAN = {
    "gb18030": ("gb2312", range(0xB0, 0xD8)),
    "big5": ("big5", range(0xA4, 0xC7)),
    "cp932": ("shift_jis", range(0x82, 0x98)),
    "euc_jp": ("shift_jis", range(0x82, 0x98)),
    "cp949": ("euc_kr", range(0xB0, 0xC9)),
}
"""Encodings with characters of several bytes: the first byte that the common ones have in an older standard."""
_ALPHABETS = ("cp1252", "cp1250", "iso8859-2", "cp1254", "cp1251", "koi8-r", "cp1253", "mac-roman", "cp850")
_KANA = ("\u3041", "\u30ff")
_MARKS = "“”‘’„‚‹›«»–—…•€£¥§°©®™·¿¡"
"""Characters that stand beside words in all languages with alphabets."""
_LIKELY, _NEAR = 0.6, 0.2
"""The least plausibility of an encoding that is offered, and how much the best of them may be more plausible."""
_MAX_OFFERS, _SHOWN = 4, 3


class Guess(NamedTuple):
    """An encoding, and how it reads the first words."""

    encoding: str
    words: tuple[str, ...]


class Evidence(NamedTuple):
    """What the bytes of a file that is not UTF-8 tell.

    bad_lines: the line of each place that is not UTF-8, of the first thousand or so.
    n_valid: characters beyond ASCII that are UTF-8, up to the last of these places.
    words: the first words with bytes beyond ASCII.
    is_windows: whether any byte is a character of Windows-1252 and none of Latin-1.
    nul_line: the line of the first NUL; None for a text.
    """

    bad_lines: list[int]
    n_valid: int
    words: list[bytes]
    is_windows: bool
    nul_line: int | None

    def is_damaged(self) -> bool:
        """Whether it is UTF-8 but for a few places."""
        return 4 * len(self.bad_lines) <= self.n_valid or (self.n_valid > 0 and not self.guesses())

    def guesses(self) -> list[Guess]:
        """The likely encodings, the likeliest first; of those that read the words alike the first."""
        scores = {encoding: _plausibility(self.words, encoding) for encoding in (*_EAST_ASIAN, *_ALPHABETS)}
        best = max(scores.values())
        found: dict[tuple[str, ...], str] = {}
        for encoding in sorted(scores, key=lambda encoding: -scores[encoding]):
            if scores[encoding] >= max(_LIKELY, best - _NEAR):
                # The same bytes, too, as another encoding may read the first words alike and later ones not.
                found.setdefault(tuple(_decode(word, encoding) for word in self.words), encoding)
        western = WINDOWS if self.is_windows else "latin-1"
        return [
            Guess(western if name == WINDOWS else name, tuple(dict.fromkeys(filter(None, words)))[:_SHOWN])
            for words, name in islice(found.items(), _MAX_OFFERS)
        ]


def find_evidence(file: BinaryIO) -> Evidence:
    """Read a file that is not UTF-8."""
    bad_lines: list[int] = []
    words: list[bytes] = []
    n_valid, n_errors, line, is_windows, nul_line = 0, 0, 1, False, None
    while chunk := file.read(_CHUNK) + file.readline(_CHUNK):  # whole lines, unless one is very long
        if nul_line is None and b"\0" in chunk:
            nul_line = line + chunk.count(b"\n", 0, chunk.index(b"\0"))
        for i, row in enumerate(chunk.split(b"\n") if not chunk.isascii() else ()):
            if row.isascii():
                continue
            is_windows = is_windows or len(row.translate(None, _WINDOWS_ONLY)) < len(row)
            if len(words) < _MAX_WORDS:
                words += [word for word in row.translate(_TO_SPACE).split(b" ") if not word.isascii()]
            if n_errors < _MAX_ERRORS:
                places, n = _bad_places(row)
                bad_lines += [line + i] * len(places)
                n_errors, n_valid = n_errors + sum(places), n_valid + n
        line += chunk.count(b"\n")
    return Evidence(bad_lines, n_valid, words[:_MAX_WORDS], is_windows, nul_line)


def _bad_places(row: bytes) -> tuple[list[int], int]:
    """How many errors there are in each place that is not UTF-8, and how many characters beyond ASCII are."""
    places: list[int] = []
    n_valid = n_errors = at = 0
    while at < len(row) and n_errors < _MAX_ERRORS:
        try:
            n_valid += _count_valid(row[at:])
            break
        except UnicodeDecodeError as e:
            n_valid += _count_valid(row[at : at + e.start])
            if places and not e.start:
                places[-1] += 1
            else:
                places.append(1)
            n_errors, at = n_errors + 1, at + e.end
    return places, n_valid


def _count_valid(piece: bytes) -> int:
    text = piece.decode()
    return len(text) - len(text.encode("ascii", "ignore"))


def _plausibility(words: list[bytes], encoding: str) -> float:
    """How plausible words are, decoded in an encoding, from 0 to 1: the mean."""
    decoded = [_decode(word, encoding) for word in words]
    if encoding not in _EAST_ASIAN:
        return sum(map(_is_word, decoded)) / len(words)
    text = "".join(decoded)
    kana = sum(_KANA[0] <= char <= _KANA[1] for char in text) / max(1, len(text))
    if _EAST_ASIAN[encoding][0] == "shift_jis":
        kind = 1.0 if kana else 0.6  # a text of some length has kana
    elif encoding == "cp949":
        kind = 1.0 - kana
    else:
        kind = max(0.0, 0.9 - 2 * kana)  # what is common in Korean is common in Chinese, and not the other way round
    return kind * sum(_is_east_asian(word, encoding) for word in decoded) / len(words)


def _decode(word: bytes, encoding: str) -> str:
    """A word as text; empty where it is not of this encoding, or has characters that no text has."""
    try:
        if len(word) > _LONG:
            text = codecs.getincrementaldecoder(encoding)().decode(word[:_LONG])
        else:
            text = word.decode(encoding)
    except UnicodeDecodeError:
        return ""
    return text if all(unicodedata.category(char) not in ("Cc", "Cn", "Co") for char in text) else ""


def _is_east_asian(word: str, encoding: str) -> float:
    """How plausible it is that this is a word of Chinese, Japanese or Korean, or another beside these, from 0 to 1."""
    wide = [char for char in word if char > "\u2fff" and not _is_wide_mark(char)]
    if not wide:
        rest = "".join(char for char in word if not _is_wide_mark(char))
        return _is_word(rest) if rest else 0.8 * bool(word)
    if len(wide) == 1 and word[0].isascii() and word[-1].isascii():
        return 0.0  # within a word of an alphabet
    return sum(_is_common(char, encoding) for char in wide) / len(wide)


def _is_wide_mark(char: str) -> bool:
    return "\u2010" <= char <= "\u2027" or "\u3000" <= char <= "\u303f" or "\uff00" <= char <= "\uff65"


@lru_cache(maxsize=1 << 12)
def _is_common(char: str, encoding: str) -> bool:
    standard, first = _EAST_ASIAN[encoding]
    code = char.encode(standard, "ignore")
    return len(code) == 2 and code[0] in first


def _is_word(word: str) -> float:
    """How plausible it is that this is a word of an alphabet, from 0 to 1."""
    if len(word) == 1 and word in _MARKS:
        return 1.0
    parts = [part for part in word.strip(_MARKS).split("’") if not part.isascii()]
    if not parts:
        return 0.8 * bool(word)  # marks alone, or beside what all encodings have
    for part in parts:
        if not (part.isalpha() and (part.islower() or part.istitle() or part.isupper())):
            return 0.0
        alphabets = {_alphabet(char) for char in part}
        if len(alphabets) > 1:
            return 0.0
        n_beyond = sum(char > "\x7f" for char in part)
        if alphabets == {"LATIN"} and n_beyond > 1 and 2 * n_beyond > len(part):
            return 0.3  # the letters of most words are of ASCII
    return 1.0


@lru_cache(maxsize=1 << 12)
def _alphabet(char: str) -> str:
    return unicodedata.name(char, "").partition(" ")[0]
