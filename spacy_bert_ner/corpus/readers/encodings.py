"""Guess the encoding of a non-UTF-8 file from the plausibility of its decoded words.

Each guess is shown together with a few decoded words, and the user chooses the encoding. Words decoded with the wrong
encoding are implausible: they mix two alphabets, contain symbols, have capital letters in unusual positions, or consist
of very rare characters.

The `charset-normalizer` package is not used because it is unreliable for files that are mostly ASCII, such as annotated
files. It mistakes Spanish and French text of any length for Central European text, and short Japanese text for Korean.

    bytes CD F5 D0 A1 C3 F7    gb18030  王小明    big5  卼苤隴    cp1252  ÍõÐ¡Ã÷
"""

from __future__ import annotations

import codecs
import unicodedata
from functools import lru_cache
from itertools import islice
from typing import BinaryIO, NamedTuple

WINDOWS_1252 = "cp1252"
"""The Western European encoding for Windows: Latin-1 with 27 additional characters."""
OTHER_ENCODINGS = "cp1252, or another: gb18030, big5, cp932, euc-jp, cp949, cp1250, cp1251, koi8-r, mac-roman"
"""The encodings that the error message lists if no encoding is likely."""
_CHUNK = 1 << 16
_MAX_ERRORS = 1000
_MAX_WORDS = 2000
_MAX_WORD_BYTES = 60  # only this many bytes are examined in longer words, which are text without spaces
_SEPARATORS = bytes([*range(0x30), *range(0x3A, 0x40)])
"""Bytes that are ASCII in all encodings listed below and are never part of a multi-byte character."""
_TO_SPACE = bytes(32 if byte in _SEPARATORS else byte for byte in range(256))
_WINDOWS_ONLY = bytes(range(0x80, 0xA0))
"""Bytes that are control characters in Latin-1, but quotation marks and dashes in Windows-1252."""

_EAST_ASIAN = {
    "gb18030": ("gb2312", range(0xB0, 0xD8)),
    "big5": ("big5", range(0xA4, 0xC7)),
    "cp932": ("shift_jis", range(0x82, 0x98)),
    "euc_jp": ("shift_jis", range(0x82, 0x98)),
    "cp949": ("euc_kr", range(0xB0, 0xC9)),
}
"""Multi-byte encodings, each with an older standard and the range of first bytes for common characters in that
standard."""
_ALPHABETS = ("cp1252", "cp1250", "iso8859-2", "cp1254", "cp1251", "koi8-r", "cp1253", "mac-roman", "cp850")
_KANA = ("\u3041", "\u30ff")
_MARKS = "“”‘’„‚‹›«»–—…•€£¥§°©®™·¿¡"
"""Punctuation and symbols that can be adjacent to a word in any language with an alphabet."""
_MIN_PLAUSIBILITY, _MAX_GAP_TO_BEST = 0.6, 0.2
"""The minimum plausibility for a suggestion and the maximum difference from the best plausibility."""
_MAX_OFFERS, _MAX_WORDS_SHOWN = 4, 3


class Guess(NamedTuple):
    """A likely encoding and the first words decoded with it."""

    encoding: str
    words: tuple[str, ...]


class Evidence(NamedTuple):
    """Evidence about the encoding of a file that is not UTF-8.

    bad_lines (list[int]): the line number of each invalid UTF-8 byte sequence, for about the first thousand sequences.
    n_valid (int): the number of valid non-ASCII characters in the lines searched for these sequences.
    words (list[bytes]): the first words with non-ASCII bytes.
    is_windows (bool): whether the file contains bytes that are printable in Windows-1252 but not in Latin-1.
    nul_line (int | None): the line number of the first NUL character. None if there is none.
    """

    bad_lines: list[int]
    n_valid: int
    words: list[bytes]
    is_windows: bool
    nul_line: int | None

    def is_damaged(self) -> bool:
        """Return whether the file is UTF-8 with only a few invalid byte sequences."""
        return 4 * len(self.bad_lines) <= self.n_valid or (self.n_valid > 0 and not self.guesses())

    def guesses(self) -> list[Guess]:
        """Return the likely encodings, from the most to the least likely.

        If several encodings decode all words identically, only the most likely one is returned.
        """
        scores = {encoding: _plausibility(self.words, encoding) for encoding in (*_EAST_ASIAN, *_ALPHABETS)}
        best = max(scores.values())
        encoding_of_words: dict[tuple[str, ...], str] = {}
        for encoding in sorted(scores, key=lambda encoding: -scores[encoding]):
            if scores[encoding] >= max(_MIN_PLAUSIBILITY, best - _MAX_GAP_TO_BEST):
                # Compare all words: two encodings may decode the first words identically, but later words differently.
                encoding_of_words.setdefault(tuple(_decode(word, encoding) for word in self.words), encoding)
        western = WINDOWS_1252 if self.is_windows else "latin-1"
        return [
            Guess(
                western if name == WINDOWS_1252 else name, tuple(dict.fromkeys(filter(None, words)))[:_MAX_WORDS_SHOWN]
            )
            for words, name in islice(encoding_of_words.items(), _MAX_OFFERS)
        ]


def collect_evidence(file: BinaryIO) -> Evidence:
    """Collect evidence about the encoding of a file that is not UTF-8.

    file (BinaryIO): the file, positioned at its start.
    RETURNS (Evidence): the evidence from the whole file.
    """
    bad_lines: list[int] = []
    words: list[bytes] = []
    n_valid, n_errors, line, is_windows, nul_line = 0, 0, 1, False, None
    while chunk := file.read(_CHUNK) + file.readline(_CHUNK):  # contains complete lines, unless a line is very long
        if nul_line is None and b"\0" in chunk:
            nul_line = line + chunk.count(b"\n", 0, chunk.index(b"\0"))
        for i, row in enumerate(chunk.split(b"\n") if not chunk.isascii() else ()):
            if row.isascii():
                continue
            is_windows = is_windows or len(row.translate(None, _WINDOWS_ONLY)) < len(row)
            if len(words) < _MAX_WORDS:
                words += [word for word in row.translate(_TO_SPACE).split(b" ") if not word.isascii()]
            if n_errors < _MAX_ERRORS:
                errors_of_sequences, n = _count_invalid(row)
                bad_lines += [line + i] * len(errors_of_sequences)
                n_errors, n_valid = n_errors + sum(errors_of_sequences), n_valid + n
        line += chunk.count(b"\n")
    return Evidence(bad_lines, n_valid, words[:_MAX_WORDS], is_windows, nul_line)


def _count_invalid(row: bytes) -> tuple[list[int], int]:
    """Count the errors and the valid non-ASCII characters in a row that is not UTF-8.

    RETURNS (tuple[list[int], int]): the number of errors in each invalid byte sequence, and the number of valid
        non-ASCII characters.
    """
    errors_of_sequences: list[int] = []
    n_valid = n_errors = offset = 0
    while offset < len(row) and n_errors < _MAX_ERRORS:
        try:
            n_valid += _count_non_ascii(row[offset:])
            break
        except UnicodeDecodeError as e:
            n_valid += _count_non_ascii(row[offset : offset + e.start])
            if errors_of_sequences and not e.start:
                errors_of_sequences[-1] += 1
            else:
                errors_of_sequences.append(1)
            n_errors, offset = n_errors + 1, offset + e.end
    return errors_of_sequences, n_valid


def _count_non_ascii(utf8: bytes) -> int:
    text = utf8.decode()
    return len(text) - len(text.encode("ascii", "ignore"))


def _plausibility(words: list[bytes], encoding: str) -> float:
    """Return the mean plausibility of the words when decoded with an encoding, from 0 to 1."""
    decoded = [_decode(word, encoding) for word in words]
    if encoding not in _EAST_ASIAN:
        return sum(map(_word_plausibility, decoded)) / len(words)
    text = "".join(decoded)
    kana = sum(_KANA[0] <= char <= _KANA[1] for char in text) / max(1, len(text))
    if _EAST_ASIAN[encoding][0] == "shift_jis":
        factor = 1.0 if kana else 0.6  # Japanese text contains kana, unless it is very short
    elif encoding == "cp949":
        factor = 1.0 - kana
    else:
        factor = max(0.0, 0.9 - 2 * kana)  # common Korean bytes are also common in Chinese, but not vice versa
    return factor * sum(_east_asian_plausibility(word, encoding) for word in decoded) / len(words)


def _decode(word: bytes, encoding: str) -> str:
    """Decode a word.

    RETURNS (str): the decoded word. Empty if the word is invalid in this encoding or contains characters that do not
        occur in text.
    """
    try:
        if len(word) > _MAX_WORD_BYTES:
            text = codecs.getincrementaldecoder(encoding)().decode(word[:_MAX_WORD_BYTES])
        else:
            text = word.decode(encoding)
    except UnicodeDecodeError:
        return ""
    return text if all(unicodedata.category(char) not in ("Cc", "Cn", "Co") for char in text) else ""


def _east_asian_plausibility(word: str, encoding: str) -> float:
    """Return the plausibility, from 0 to 1, of a word in a Chinese, Japanese or Korean text.

    Such texts may also contain words in other scripts.
    """
    wide = [char for char in word if char > "\u2fff" and not _is_wide_mark(char)]
    if not wide:
        rest = "".join(char for char in word if not _is_wide_mark(char))
        return _word_plausibility(rest) if rest else 0.8 * bool(word)
    if len(wide) == 1 and word[0].isascii() and word[-1].isascii():
        return 0.0  # a single wide character within an ASCII word
    return sum(_is_common(char, encoding) for char in wide) / len(wide)


def _is_wide_mark(char: str) -> bool:
    return "\u2010" <= char <= "\u2027" or "\u3000" <= char <= "\u303f" or "\uff00" <= char <= "\uff65"


@lru_cache(maxsize=1 << 12)
def _is_common(char: str, encoding: str) -> bool:
    standard, first_bytes = _EAST_ASIAN[encoding]
    code = char.encode(standard, "ignore")
    return len(code) == 2 and code[0] in first_bytes


def _word_plausibility(word: str) -> float:
    """Return the plausibility, from 0 to 1, of a word in a language with an alphabet."""
    if len(word) == 1 and word in _MARKS:
        return 1.0
    parts = [part for part in word.strip(_MARKS).split("’") if not part.isascii()]
    if not parts:
        return 0.8 * bool(word)  # only symbols and ASCII characters, which provide little evidence
    for part in parts:
        if not (part.isalpha() and (part.islower() or part.istitle() or part.isupper())):
            return 0.0
        alphabets = {_alphabet(char) for char in part}
        if len(alphabets) > 1:
            return 0.0
        n_non_ascii = sum(char > "\x7f" for char in part)
        if alphabets == {"LATIN"} and n_non_ascii > 1 and 2 * n_non_ascii > len(part):
            return 0.3  # in most words in the Latin alphabet, most letters are ASCII
    return 1.0


@lru_cache(maxsize=1 << 12)
def _alphabet(char: str) -> str:
    return unicodedata.name(char, "").partition(" ")[0]
