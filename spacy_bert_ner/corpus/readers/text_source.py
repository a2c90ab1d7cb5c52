"""Open a file as a text stream. Unzip it if necessary, detect its encoding and report the line of an invalid byte."""

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
from .encodings import OTHER_ENCODINGS, WINDOWS_1252, Evidence, collect_evidence

_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, RuntimeError, ValueError)
"""Exceptions that `zipfile` raises for archives that are damaged, truncated, encrypted or compressed with an unknown
method. A ValueError is raised for names that are not UTF-8 and for offsets before the start of the file."""
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers for insufficient disk space."""
_COMPRESSORS = {
    "gzip": ((b"\x1f\x8b\x08",), "gunzip"),
    "bzip2": (tuple(b"BZh%d1AY&SY" % level for level in range(1, 10)), "bunzip2"),
    "xz": ((b"\xfd7zXZ\0",), "unxz"),
    "zstd": ((b"\x28\xb5\x2f\xfd",), "unzstd"),
}
"""Programs that compress a single file, with the first bytes of their output and the command to decompress it."""
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""The first bytes in Microsoft Office files that are not zip archives, such as `.xls` files."""
_SPREADSHEETS = (("xl/", "an Excel workbook"), ("content.xml", "an OpenDocument file"))
"""Prefixes of member names that identify a workbook in a zip archive, each with a description of the file."""
_NO_LONE_SURROGATES = ("utf-8", "utf-16", "iso8859-1")
"""Codecs that never decode to an unpaired surrogate. The output of all other codecs, such as `utf-7` and
`unicode_escape`, is checked."""
_CHUNK = 1 << 20
_HEAD = 1 << 22  # maximum number of characters to read, in case the whole file is one row
_BOM_AS_LATIN_1 = codecs.BOM_UTF8.decode("latin-1")
_BOMS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class _InvalidByte(NamedTuple):
    """The first byte that is invalid in an encoding.

    line (int): the line number, from 1.
    byte (int): the value of the byte.
    """

    line: int
    byte: int


class TextSource:
    """A text file, or the only file in a zip archive. It can be read several times.

    path (Path): the path to the file.
    encoding (str | None): a Python codec. If None (the default), the file is decoded as UTF-8, or as UTF-16 if it
        begins with a UTF-16 byte-order mark.
    has_mark (bool): whether the file begins with a byte-order mark, which is not part of the text.
    RAISES CorpusError: the file does not exist, is a spreadsheet or has an unsupported compression format. The zip
        archive is damaged or contains several files. `encoding` is not a text codec.
    """

    has_mark: bool
    encoding: str
    """The codec that decodes the file. `check` may choose another one."""
    notes: list[str]
    """Notes for the user about how the file was read."""
    tag_place: str = ""
    """The tag position in messages, such as ", column Tag". Empty until the reader infers it."""
    columns: str = ""
    """The column description in messages, such as ", tags in column ner, words in column token". Empty until the reader
    infers it."""

    def __init__(self, path: Path, encoding: str | None = None) -> None:
        if not path.is_file():
            raise CorpusError(Errors.no_such_file.format(path=path))
        self.path = path
        member = self._find_member()
        self._file = path if member is None else self._unzip(member)
        with self._open() as file:
            head = file.read(10)
        if head.startswith(_OLE):
            raise CorpusError(Errors.spreadsheet.format(path=path, kind="an Excel 97-2003 workbook"))
        for compressor, (magic_bytes, command) in _COMPRESSORS.items():
            if head.startswith(magic_bytes):
                raise CorpusError(Errors.packed.format(path=path, packer=compressor, unpack=command))
        self.has_mark = head.startswith(_BOMS)
        self._default_codec = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
        self._named_encoding = encoding
        self.encoding = encoding or self._default_codec
        self._codec = _codec(self.encoding)
        self.notes: list[str] = []
        self._is_checked = False
        self._line_end = "\n"

    def head(self, n_rows: int, n_characters: int | None = None) -> list[tuple[int, str]]:
        """Return the first non-blank rows with their line numbers.

        A truncated last row is omitted, unless it is the only row.

        Before `check` has determined the encoding, the rows are decoded as Latin-1. This decodes ASCII characters, such
        as those in tags, correctly for every encoding that extends ASCII.

        n_rows (int): the maximum number of rows.
        n_characters (int | None): the maximum number of characters to read. If None (the default), the limit is 4 Mi
            (2**22).
        RETURNS (list[tuple[int, str]]): pairs of a line number (from 1) and a row.
        RAISES CorpusError: the codec cannot decode the file.
        """
        is_known = self._named_encoding or self._default_codec == "utf-16" or self._is_checked
        with self._open() as file:
            text = io.TextIOWrapper(file, self._codec if is_known else "latin-1", errors="replace", newline=None)
            try:
                rows = text.read(n_characters or _HEAD).removeprefix("\ufeff").removeprefix(_BOM_AS_LATIN_1).split("\n")
                if text.read(1):
                    rows = rows[:-1] or rows
            except UnicodeError as e:  # some codecs ignore errors="replace"
                raise self._unfit_encoding_error(e) from e
            return list(islice(((line, row) for line, row in enumerate(rows, start=1) if row.strip()), n_rows))

    def check(self, fallback: str | None, formats: str) -> None:
        """Read the whole file once to determine how to decode it.

        fallback (str | None): the codec for files in this format that are not UTF-8. None if there is none.
        formats (str): the supported formats, for the error message about a binary file.
        RAISES CorpusError: a byte is invalid in the encoding, or the file contains a NUL character. The message
            includes the line.
        """
        invalid_byte = self._find_invalid_byte(formats)
        if invalid_byte is None:
            self._is_checked = True
            return
        if self._codec == "utf-16":
            raise self._damaged_error(invalid_byte, [])
        default = self._default_codec
        if default == "utf-16" or (self._codec != default and self._can_decode(default)):
            raise self._bad_encoding_error(invalid_byte, default)
        evidence = self._evidence(formats)
        guesses = evidence.guesses()
        if evidence.is_damaged() and self._codec == "utf-8":
            raise self._damaged_error(invalid_byte, evidence.bad_lines)
        if fallback and not self._named_encoding and guesses and guesses[0].encoding in (fallback, WINDOWS_1252):
            self._fall_back(guesses[0].words, formats)
            return
        offers = [f"{guess.encoding} (which reads {', '.join(map(shorten, guess.words))})" for guess in guesses]
        raise self._bad_encoding_error(invalid_byte, ", or --encoding ".join(offers) or OTHER_ENCODINGS)

    def check_binary(self, formats: str) -> None:
        """Read the whole file once and reject it if it is binary. Call this method if the format is unknown.

        Text that is not UTF-8 is allowed unless the user specifies an encoding.

        formats (str): the supported formats, for the error message about a binary file.
        RAISES CorpusError: the file is binary or cannot be decoded with the specified encoding. See `check`.
        """
        if self._named_encoding:
            self.check(None, formats)
        elif self._find_invalid_byte(formats) and self._default_codec == "utf-8":
            self._evidence(formats)

    def _evidence(self, formats: str) -> Evidence:
        """Collect evidence about the encoding from the whole file.

        RAISES CorpusError: the file contains a NUL character, so it is not text.
        """
        with self._open() as file:
            evidence = collect_evidence(file)
        if evidence.nul_line:
            raise CorpusError(Errors.binary_file.format(path=self.path, line=evidence.nul_line, formats=formats))
        return evidence

    def _fall_back(self, words: tuple[str, ...], formats: str) -> None:
        """Decode the file as Windows-1252 and add a note.

        If the file contains bytes that Windows-1252 does not define, it is decoded as Latin-1 instead.
        """
        for encoding in (WINDOWS_1252, "latin-1"):
            self.encoding, self._codec = encoding, _codec(encoding)
            if self._find_invalid_byte(formats) is None:
                break
        self._is_checked = True
        self.note(Errors.fell_back.format(encoding=self.encoding, words=", ".join(map(shorten, words))))

    def note(self, message: str) -> None:
        """Add a note about how the file was read, unless the same note already exists.

        message (str): the note.
        """
        if message not in self.notes:
            self.notes.append(message)

    def _bad_encoding_error(self, invalid_byte: _InvalidByte, offer: str) -> CorpusError:
        return CorpusError(
            Errors.bad_encoding.format(path=self.path, encoding=self._codec, offer=offer, **invalid_byte._asdict())
        )

    def _damaged_error(self, invalid_byte: _InvalidByte, lines: list[int]) -> CorpusError:
        """Create the error for a damaged file. The message also lists other damaged lines."""
        others = [str(line) for line in dict.fromkeys(lines) if line != invalid_byte.line]
        listed = f"{', '.join(others[:5])}{' and others' * (len(others) > 5)}"
        subject, verb = ("Lines", "are") if len(others) > 1 else ("Line", "is")
        more = f" {subject} {listed} {verb} also damaged." if others else ""
        return CorpusError(
            Errors.damaged_here.format(path=self.path, encoding=self._codec, more=more, **invalid_byte._asdict())
        )

    def _unfit_encoding_error(self, error: UnicodeError) -> CorpusError:
        return CorpusError(Errors.unfit_encoding.format(path=self.path, encoding=self._codec, reason=error))

    def _can_decode(self, codec: str) -> bool:
        """Return whether a codec can decode the whole file."""
        decoder = codecs.getincrementaldecoder(codec)()
        with self._open() as file:
            try:
                for chunk in iter(partial(file.read, _CHUNK), b""):
                    decoder.decode(chunk)
                decoder.decode(b"", final=True)
            except UnicodeError:
                return False
        return True

    def _find_invalid_byte(self, formats: str) -> _InvalidByte | None:
        """Find the first byte that is invalid in the encoding.

        If there is none, determine whether lines end with line feeds or carriage returns.

        RETURNS (_InvalidByte | None): the invalid byte. None if all bytes are valid.
        RAISES CorpusError: the file contains a NUL character before that byte, or the codec does not report the
            position of an error.
        """
        decoder = codecs.getincrementaldecoder(self._codec)()
        line, has_line_feed, chunk = 1, False, b" "
        with self._open() as file:
            while chunk:
                chunk = file.read(_CHUNK)
                try:
                    text = decoder.decode(chunk, final=not chunk)
                except UnicodeDecodeError as e:
                    return _InvalidByte(line + e.object.count(b"\n", 0, e.start), e.object[e.start])
                except UnicodeError as e:  # some codecs do not report a position
                    raise self._unfit_encoding_error(e) from e
                if self._codec not in _NO_LONE_SURROGATES:
                    self._reject_lone_surrogates(text, line)
                if "\x00" in text:
                    nul_line = line + text.count("\n", 0, text.index("\x00"))
                    raise CorpusError(Errors.binary_file.format(path=self.path, line=nul_line, formats=formats))
                n_lines = text.count("\n")
                line, has_line_feed = line + n_lines, has_line_feed or n_lines > 0
        self._line_end = "\n" if has_line_feed else "\r"
        return None

    def _reject_lone_surrogates(self, text: str, line: int) -> None:
        """Reject an unpaired surrogate in a chunk of text.

        text (str): the chunk.
        line (int): the line number on which the chunk begins.
        RAISES CorpusError: the chunk contains an unpaired surrogate.
        """
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as e:
            before = text[: e.start]
            where = {"line": line + before.count("\n"), "position": e.start - before.rfind("\n") - 1}
            raise CorpusError(Errors.lone_surrogate.format(path=self.path, code=ord(text[e.start]), **where)) from e

    @contextmanager
    def text(self, *, newline: str = "\n") -> Iterator[TextIO]:
        """Open the decoded text, without a byte-order mark.

        newline (str): "" if a CSV reader determines where each row ends. "\\n" (the default) if lines end with a line
            feed, or with a carriage return in a file without line feeds. No other character ends a line, because some
            corpora contain such characters as words.
        YIELDS (TextIO): the text stream, which is closed at the end of the `with` block.
        """
        newline = self._line_end if newline else ""
        with self._open() as file:
            stream = io.TextIOWrapper(file, self._codec, newline=newline)
            if stream.read(1) != "\ufeff":
                stream.seek(0)
            yield stream

    def _open(self) -> BinaryIO:
        return self._file.open("rb")

    def _unzip(self, member: str) -> Path:
        """Extract a member to a temporary file, which is deleted together with this object.

        RETURNS (Path): the path to the temporary file, which can be read several times.
        RAISES CorpusError: the archive is damaged, or the disk is full.
        """
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
            if isinstance(e, OSError) and e.errno in _DISK_FULL:
                message = Errors.no_room.format(path=self.path, temporary=Path(name).parent, reason=e.strerror)
                raise CorpusError(message) from e
            raise CorpusError(Errors.bad_zip.format(path=self.path, reason=e)) from e
        return Path(name)

    def _find_member(self) -> str | None:
        """Return the name of the only file in a zip archive, or None if the file is not a zip archive.

        RAISES CorpusError: the archive is damaged, contains several files or is a spreadsheet.
        """
        if not zipfile.is_zipfile(self.path):
            with self.path.open("rb") as file:
                if file.read(4) == b"PK\x03\x04":  # begins like a zip archive but has no table of contents
                    raise CorpusError(Errors.bad_zip.format(path=self.path, reason="it is truncated"))
            return None
        try:
            with zipfile.ZipFile(self.path) as archive:
                files = [info.filename for info in archive.infolist() if not info.is_dir()]
        except _DAMAGED as e:
            raise CorpusError(Errors.bad_zip.format(path=self.path, reason=e)) from e
        for prefix, kind in _SPREADSHEETS:
            if len(files) > 1 and any(name.startswith(prefix) for name in files):
                raise CorpusError(Errors.spreadsheet.format(path=self.path, kind=kind))
        names = [name for name in files if not name.startswith("__MACOSX/")]  # macOS adds this folder to every archive
        if len(names) != 1:
            raise CorpusError(Errors.zip_members.format(path=self.path, n=len(names)))
        return names[0]


def _codec(encoding: str) -> str:
    """Return the canonical name of a text codec.

    RAISES CorpusError: the codec is unknown or does not convert text to bytes.
    """
    try:
        "".encode(encoding)  # rejects codecs that convert bytes to bytes, such as `hex`
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError) as e:  # a NUL character in the name raises ValueError
        raise CorpusError(Errors.unknown_encoding.format(encoding=encoding)) from e
    if name in ("idna", "punycode"):  # host-name codecs take quadratic time and memory
        raise CorpusError(Errors.unknown_encoding.format(encoding=encoding))
    return name
