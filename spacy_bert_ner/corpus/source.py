"""From a path to text: unzip, find the encoding, say where it fails."""

from __future__ import annotations

import codecs
import lzma
import zipfile
import zlib
from pathlib import Path

from ..errors import CorpusError, Errors

_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)
"""What `zipfile` raises for archives that are damaged, cut short, encrypted or packed by an unknown method."""


def read_bytes(path: Path) -> bytes:
    """The content of a file, or of the one file in a zip archive.

    RAISES CorpusError: no such file, a damaged archive, or one that holds more than one file.
    """
    if not path.is_file():
        raise CorpusError(Errors.no_such_file.format(path=path))
    if not zipfile.is_zipfile(path):
        data = path.read_bytes()
        if data.startswith(b"PK\x03\x04"):  # it begins as an archive but has no table of contents
            raise CorpusError(Errors.bad_zip.format(path=path, reason="it is cut short"))
        return data
    try:
        with zipfile.ZipFile(path) as archive:
            files = [info.filename for info in archive.infolist() if not info.is_dir()]
            names = [name for name in files if not name.startswith("__MACOSX/")]  # what macOS adds to every archive
            if len(names) != 1:
                raise CorpusError(Errors.zip_members.format(path=path, n=len(names)))
            return archive.read(names[0])
    except _DAMAGED as e:
        raise CorpusError(Errors.bad_zip.format(path=path, reason=e)) from e


def decode(path: Path, data: bytes, encoding: str | None, fallback: str | None, formats: str) -> str:
    """Decode a file as UTF-8 (or UTF-16, where it begins with that byte-order mark), or as the user or the format says.

    encoding (str | None): the user's; None for UTF-8, or `fallback` where it is not UTF-8.
    fallback (str | None): the format's own.
    formats (str): what is allowed, for the error about a file that is no text.
    RETURNS (str): the text, without a byte-order mark; lines end with a line feed.
    RAISES CorpusError: the bytes do not fit the encoding; the message names the line.
    """
    marked = "utf-16" if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8"
    codec = _codec(encoding or marked)
    if codec == "utf-8":
        data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode(codec).removeprefix("\ufeff")
    except UnicodeDecodeError as e:
        if encoding is None and fallback is not None:
            return decode(path, data, fallback, None, formats)
        line = e.object.count(b"\n", 0, e.start) + 1
        offer = marked if codec != marked else "latin-1"
        message = Errors.bad_encoding.format(path=path, line=line, byte=e.object[e.start], encoding=codec, offer=offer)
        raise CorpusError(message) from e
    except UnicodeError as e:  # a codec that decodes nothing, such as `undefined`
        raise CorpusError(Errors.unknown_encoding.format(encoding=encoding)) from e
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise CorpusError(Errors.binary_file.format(path=path, line=line, formats=formats))
    return text if "\n" in text else text.replace("\r", "\n")


def _codec(encoding: str) -> str:
    """The normal name of a text encoding."""
    try:
        "".encode(encoding)  # refuses codecs that are known but turn bytes into bytes, such as `hex`
        return codecs.lookup(encoding).name
    except (LookupError, UnicodeError) as e:
        raise CorpusError(Errors.unknown_encoding.format(encoding=encoding)) from e
