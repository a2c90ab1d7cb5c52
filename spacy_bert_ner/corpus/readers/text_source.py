"""From a path to text, as a stream: unzip, find the encoding, say where it fails."""

from __future__ import annotations

import codecs
import errno
import io
import lzma
import os
import shutil
import struct
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple, TextIO

from ...errors import CorpusError, Errors
from ..span_text import shorten
from .encodings import OTHERS, WINDOWS, Evidence, find_evidence

_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, RuntimeError, ValueError)
"""What `zipfile` raises for archives that are damaged, cut short, encrypted or packed by an unknown method; a
ValueError for names that are not UTF-8, and for places before the file begins."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Numbers of the errors of a disk that has no room."""
_PACKERS = {
    "gzip": ((b"\x1f\x8b\x08",), "gunzip"),
    "bzip2": (tuple(b"BZh%d1AY&SY" % level for level in range(1, 10)), "bunzip2"),
    "xz": ((b"\xfd7zXZ\0",), "unxz"),
    "zstd": ((b"\x28\xb5\x2f\xfd",), "unzstd"),
}
"""Programs that pack one file, with the bytes that it may begin with then, and what unpacks it."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How files of Microsoft Office begin that are no zip archives: .xls."""
_SPREADSHEETS = (("xl/", "an Excel workbook"), ("content.xml", "an OpenDocument file"))
"""How names in archives begin that are workbooks, and what these are."""
_WHOLE = ("utf-8", "utf-16", "iso8859-1")
"""Codecs that never give half of a surrogate pair, as `utf-7` and `unicode_escape` may; others are looked through."""
_CHUNK = 1 << 20
_HEAD = 1 << 22  # characters of the first rows: one row can be all of a file
_MARK = codecs.BOM_UTF8.decode("latin-1")
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class _Misfit(NamedTuple):
    """The first byte that does not fit an encoding, and its line."""

    line: int
    byte: int


class TextSource:
    """A file of text, or the one file in a zip archive, which can be read more than once.

    path (Path): the file.
    encoding (str | None): a Python codec; None for UTF-8 (or UTF-16, where it begins with that byte-order mark).
    has_mark (bool): it begins with a byte-order mark, which is no part of the text.
    RAISES CorpusError: no such file, a damaged archive, one that holds more than one file or of another kind than zip,
        or no text codec.
    """

    has_mark: bool
    encoding: str
    """What it is decoded by; see `check`."""
    notes: list[str]
    """What a user should know of how it was read."""
    tag_place: str = ""
    """Where in a row the tag is, for messages, if the reader has found out: ", column Tag"."""
    columns: str = ""
    """Which columns are read, if the reader has inferred them: ", tags in column ner, words in column token"."""

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        if not path.is_file():
            raise CorpusError(Errors.no_such_file.format(path=path))
        self.path = path
        member = self._find_member()
        self._file = path if member is None else self._unzip(member)
        with self._open() as file:
            head = file.read(10)
        if head.startswith(_OLE):
            raise CorpusError(Errors.spreadsheet.format(path=path, kind="a workbook of Excel 97 to 2003"))
        for packer, (begins, unpack) in _PACKERS.items():
            if head.startswith(begins):
                raise CorpusError(Errors.packed.format(path=path, packer=packer, unpack=unpack))
        mark = head[:2]
        self.has_mark = head.startswith(_MARKS)
        self._own = "utf-16" if mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8"
        self._named = encoding
        self.encoding = encoding or self._own
        self._codec = _codec(self.encoding)
        self.notes: list[str] = []
        self._is_checked = False
        self._lines_end = "\n"

    def head(self, n_rows: int, n_characters: int | None = None) -> list[tuple[int, str]]:
        """The first rows that are not blank, with their lines; without the last, if it is cut and not the only one.

        Before `check` has found out the encoding, Latin-1 shows what is ASCII in any that extends it, as tags are.
        """
        codec = self._codec if self._named or self._own == "utf-16" or self._is_checked else "latin-1"
        with self._open() as file:
            text = io.TextIOWrapper(file, codec, errors="replace", newline=None)
            try:
                rows = text.read(n_characters or _HEAD).removeprefix("\ufeff").removeprefix(_MARK).split("\n")
                if text.read(1):
                    rows = rows[:-1] or rows
            except UnicodeError as e:  # of codecs that replace nothing
                raise self._unfit(e) from e
            return list(islice(((line, row) for line, row in enumerate(rows, start=1) if row.strip()), n_rows))

    def check(self, fallback: str | None, formats: str) -> None:
        """Read all of it once, and find out how to decode it.

        fallback (str | None): the codec of files of this format that are not UTF-8.
        formats (str): what is allowed, for the error about a file that is no text.
        RAISES CorpusError: the bytes do not fit the encoding, or there is a NUL; the message names the line.
        """
        misfit = self._scan(formats)
        if misfit is None:
            self._is_checked = True
            return
        if self._codec == "utf-16":
            raise self._damaged(misfit, [])
        if self._own == "utf-16" or (self._codec != self._own and self._fits(self._own)):
            raise self._bad_encoding(misfit, self._own)
        evidence = self._evidence(formats)
        guesses = evidence.guesses()
        if evidence.is_damaged() and self._codec == "utf-8":
            raise self._damaged(misfit, evidence.bad_lines)
        if fallback and not self._named and guesses and guesses[0].encoding in (fallback, WINDOWS):
            self._fall_back(guesses[0].words, formats)
            return
        offers = [f"{guess.encoding} (which reads {', '.join(map(shorten, guess.words))})" for guess in guesses]
        raise self._bad_encoding(misfit, ", or --encoding ".join(offers) or OTHERS)

    def check_binary(self, formats: str) -> None:
        """Read all of it once, of an unknown format. Words that are not UTF-8 are allowed where no encoding is named.

        RAISES CorpusError: see `check`.
        """
        if self._named:
            self.check(None, formats)
        elif self._scan(formats) and self._own == "utf-8":
            self._evidence(formats)

    def _evidence(self, formats: str) -> Evidence:
        """What the bytes tell of the encoding.

        RAISES CorpusError: there is a NUL, so that it is no text.
        """
        with self._open() as file:
            evidence = find_evidence(file)
        if evidence.nul_line:
            raise CorpusError(Errors.binary_file.format(path=self.path, line=evidence.nul_line, formats=formats))
        return evidence

    def _fall_back(self, words: tuple[str, ...], formats: str) -> None:
        """Decode by Windows-1252, and say so; by Latin-1 where the bytes of both differ and the first does not fit."""
        for encoding in (WINDOWS, "latin-1"):
            self.encoding, self._codec = encoding, _codec(encoding)
            if self._scan(formats) is None:
                break
        self._is_checked = True
        self.note(Errors.fell_back.format(encoding=self.encoding, words=", ".join(map(shorten, words))))

    def note(self, message: str) -> None:
        """Add what a user should know of how it was read, once."""
        if message not in self.notes:
            self.notes.append(message)

    def _bad_encoding(self, misfit: _Misfit, offer: str) -> CorpusError:
        return CorpusError(
            Errors.bad_encoding.format(path=self.path, encoding=self._codec, offer=offer, **misfit._asdict())
        )

    def _damaged(self, misfit: _Misfit, lines: list[int]) -> CorpusError:
        others = [str(line) for line in dict.fromkeys(lines) if line != misfit.line]
        more = f" So are the lines {', '.join(others[:5])}{' and others' * (len(others) > 5)}." if others else ""
        return CorpusError(
            Errors.damaged_here.format(path=self.path, encoding=self._codec, more=more, **misfit._asdict())
        )

    def _unfit(self, error: UnicodeError) -> CorpusError:
        return CorpusError(Errors.unfit_encoding.format(path=self.path, encoding=self._codec, reason=error))

    def _fits(self, codec: str) -> bool:
        """Whether all bytes can be decoded."""
        decoder = codecs.getincrementaldecoder(codec)()
        with self._open() as file:
            try:
                for chunk in iter(partial(file.read, _CHUNK), b""):
                    decoder.decode(chunk)
                decoder.decode(b"", final=True)
            except UnicodeError:
                return False
        return True

    def _scan(self, formats: str) -> _Misfit | None:
        """Decode all of it.

        RETURNS: the first byte that does not fit the encoding.
        RAISES CorpusError: there is a NUL before that, or nothing fits.
        """
        decoder = codecs.getincrementaldecoder(self._codec)()
        line, has_line_feed, chunk = 1, False, b" "
        with self._open() as file:
            while chunk:
                chunk = file.read(_CHUNK)
                try:
                    text = decoder.decode(chunk, final=not chunk)
                except UnicodeDecodeError as e:
                    return _Misfit(line + e.object.count(b"\n", 0, e.start), e.object[e.start])
                except UnicodeError as e:  # of codecs that name no place
                    raise self._unfit(e) from e
                if self._codec not in _WHOLE:
                    self._check_halves(text, line)
                if "\x00" in text:
                    at = line + text.count("\n", 0, text.index("\x00"))
                    raise CorpusError(Errors.binary_file.format(path=self.path, line=at, formats=formats))
                n_lines = text.count("\n")
                line, has_line_feed = line + n_lines, has_line_feed or n_lines > 0
        self._lines_end = "\n" if has_line_feed else "\r"
        return None

    def _check_halves(self, text: str, line: int) -> None:
        """Refuse half of a surrogate pair in a part of the text, which begins on this line."""
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as e:
            before = text[: e.start]
            where = {"line": line + before.count("\n"), "position": e.start - before.rfind("\n") - 1}
            raise CorpusError(Errors.lone_surrogate.format(path=self.path, code=ord(text[e.start]), **where)) from e

    @contextmanager
    def text(self, *, newline: str = "\n") -> Iterator[TextIO]:
        """The decoded text, without a byte-order mark.

        newline: "" to leave it to a CSV reader where rows end; "\\n" for lines that end with a line feed, or, where
            there is none, with a carriage return. No other character ends a line: some corpora have them as words.
        """
        newline = self._lines_end if newline else ""
        with self._open() as file:
            stream = io.TextIOWrapper(file, self._codec, newline=newline)
            if stream.read(1) != "\ufeff":
                stream.seek(0)
            yield stream

    def _open(self) -> BinaryIO:
        return self._file.open("rb")

    def _unzip(self, member: str) -> Path:
        """A file of its own, which is read more than once; it goes with this source."""
        handle, name = tempfile.mkstemp(prefix=f"{self.path.stem}.")
        weakref.finalize(self, Path(name).unlink, missing_ok=True)
        try:
            with (
                os.fdopen(handle, "wb") as unzipped,
                zipfile.ZipFile(self.path) as archive,
                archive.open(member) as file,
            ):
                shutil.copyfileobj(file, unzipped, _CHUNK)
        except _DAMAGED as e:
            if isinstance(e, OSError) and e.errno in _FULL:
                message = Errors.no_room.format(path=self.path, temporary=Path(name).parent, reason=e.strerror)
                raise CorpusError(message) from e
            raise CorpusError(Errors.bad_zip.format(path=self.path, reason=e)) from e
        return Path(name)

    def _find_member(self) -> str | None:
        """The one file in a zip archive; None for a file that is none."""
        if not zipfile.is_zipfile(self.path):
            with self.path.open("rb") as file:
                if file.read(4) == b"PK\x03\x04":  # it begins as an archive but has no table of contents
                    raise CorpusError(Errors.bad_zip.format(path=self.path, reason="it is cut short"))
            return None
        try:
            with zipfile.ZipFile(self.path) as archive:
                files = [info.filename for info in archive.infolist() if not info.is_dir()]
        except _DAMAGED as e:
            raise CorpusError(Errors.bad_zip.format(path=self.path, reason=e)) from e
        for begin, kind in _SPREADSHEETS:
            if len(files) > 1 and any(name.startswith(begin) for name in files):
                raise CorpusError(Errors.spreadsheet.format(path=self.path, kind=kind))
        names = [name for name in files if not name.startswith("__MACOSX/")]  # what macOS adds to every archive
        if len(names) != 1:
            raise CorpusError(Errors.zip_members.format(path=self.path, n=len(names)))
        return names[0]


def _codec(encoding: str) -> str:
    """The normal name of a text encoding."""
    try:
        "".encode(encoding)  # refuses codecs that are known but turn bytes into bytes, such as `hex`
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError) as e:  # a NUL in a name is the latter
        raise CorpusError(Errors.unknown_encoding.format(encoding=encoding)) from e
    if name in ("idna", "punycode"):  # of names of hosts: time and memory grow with the square of a file
        raise CorpusError(Errors.unknown_encoding.format(encoding=encoding))
    return name
