"""Files wherever they are: on this machine, or at an address that pyarrow or fsspec opens."""

from __future__ import annotations

import posixpath
import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from fsspec.core import url_to_fs
from fsspec.utils import glob_translate
from pyarrow import fs

from ..errors import BertNerError, Errors, format_exception

_SIGN = re.compile(r"[*?\[]")
_SIGN_IN_ADDRESS = re.compile(r"[*\[]")
"""Of patterns."""

PACKED = {".gz", ".bz2", ".zst", ".lz4"}
"""Endings of what pyarrow unpacks while it reads."""


class File(NamedTuple):
    """A file of documents.

    address: as `resolve_filesystem` takes it.
    name: what it is called in ids of documents.
    size (int): in bytes.
    format: one of `FORMATS`.
    """

    address: str
    name: str
    size: int
    format: str


FORMATS = {
    **{".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"},
    **{".csv": "csv", ".tsv": "tsv", ".txt": "text", ".spacy": "spacy"},
}
"""By the ending of the name."""


def resolve_filesystem(address: str) -> tuple[fs.FileSystem, str]:
    """The file system of an address, and the path there.

    address: a path of this machine, or an address such as `s3://bucket/folder`; what pyarrow does not know, fsspec may.
    RAISES BertNerError: nothing opens it.
    """
    return _opened(address) if "://" in address else (fs.LocalFileSystem(), str(Path(address).absolute()))


@lru_cache(1000)
def _opened(address: str) -> tuple[fs.FileSystem, str]:
    # Once for each address, as an object store may be asked for its region.
    try:
        try:
            found: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(address)
        except pa.ArrowInvalid:
            other, path = url_to_fs(address)
            found = fs.PyFileSystem(fs.FSSpecHandler(other)), path
    except (OSError, ValueError, ImportError) as e:
        raise BertNerError(Errors.no_place.format(address=address, reason=format_exception(e))) from e
    return found


def absolute(address: str) -> str:
    """An address that is the same in whatever folder it is read."""
    return address if "://" in address else str(Path(address).absolute())


def find(inputs: Sequence[str]) -> list[File]:
    """The files that are named, sorted by address, each once.

    inputs: files, folders, of which all files of a known format are taken, and patterns such as `news/**/*.parquet`;
        what begins with a dot or an underscore is left out of folders and patterns.
    RAISES BertNerError: something is not there, or of no known format.
    """
    found: dict[str, tuple[int, str]] = {}
    for one in inputs:
        more = dict(_find(one))
        if not more:
            raise BertNerError(Errors.no_input.format(address=one, formats=", ".join(FORMATS)))
        found |= more
    names = {address: posixpath.basename(address) for address in found}
    if len(set(names.values())) < len(names):
        names = {address: address for address in found}
    return [File(address, names[address], *found[address]) for address in sorted(found)]


def _find(address: str) -> Iterator[tuple[str, tuple[int, str]]]:
    base, pattern = address, None
    # A name may hold such a sign, and behind a question mark addresses have options.
    sign = _SIGN_IN_ADDRESS.search(address) if "://" in address else _SIGN.search(address)
    if sign and not _is_there(address):
        # The folder above the first part that is a pattern.
        base = address[: sign.start()].rpartition("/")[0] or ("/" if address[0] == "/" else ".")
        pattern = re.compile(glob_translate(address if base != "." or address.startswith("./") else f"./{address}"))
    system, path = resolve_filesystem(base)
    try:
        info = system.get_file_info(path)
        if info.type == fs.FileType.File:
            infos = [info]
        elif info.type == fs.FileType.Directory:
            infos = system.get_file_info(fs.FileSelector(path, recursive=True))
        else:
            raise BertNerError(Errors.no_such_file.format(path=address))
    except OSError as e:
        raise BertNerError(Errors.no_place.format(address=address, reason=format_exception(e))) from e
    for one in infos:
        inside = one.path[len(path) :].lstrip("/")
        where = f"{base.rstrip('/')}/{inside}" if inside else base
        if one.type != fs.FileType.File or any(part.startswith((".", "_")) for part in inside.split("/")):
            continue
        kind = format_of(one.path)
        if pattern is not None and not pattern.match(where):
            continue
        if kind is None and not inside:
            raise BertNerError(Errors.no_input.format(address=address, formats=", ".join(FORMATS)))
        if kind is not None:
            yield where, (one.size, kind)


def _is_there(address: str) -> bool:
    system, path = resolve_filesystem(address)
    return bool(system.get_file_info(path).type != fs.FileType.NotFound)


def format_of(name: str) -> str | None:
    """The format that a name tells; None where it tells none."""
    stem, ending = posixpath.splitext(name.lower())
    kind = FORMATS.get(posixpath.splitext(stem)[1] if ending in PACKED else ending)
    return None if ending in PACKED and kind in ("parquet", "spacy") else kind


def is_packed(name: str) -> bool:
    """Whether pyarrow has to unpack it while it reads."""
    return posixpath.splitext(name.lower())[1] in PACKED


@contextmanager
def reading(address: str) -> Iterator[Any]:
    """A stream of bytes of a file, unpacked; or, of what is not packed, a file in which places can be sought."""
    system, path = resolve_filesystem(address)
    if is_packed(path):
        with system.open_input_stream(path, compression="detect") as stream:
            yield stream
        return
    with system.open_input_file(path) as file:
        yield file


@contextmanager
def whole_file(folder: str, name: str) -> Iterator[Any]:
    """A stream to write a file of a folder to, which takes its name when the block ends without an error; one that is
    there already is replaced."""
    system, path = resolve_filesystem(folder)
    final = f"{path}/{name}"
    temporary = posixpath.join(posixpath.dirname(final), f".{posixpath.basename(name)}.{uuid.uuid4().hex}.tmp")
    try:
        with system.open_output_stream(temporary) as stream:
            yield stream
        system.move(temporary, final)
    except BaseException:
        _forget(system, temporary)
        raise


def _forget(system: fs.FileSystem, path: str) -> None:
    with suppress(OSError):  # it was never made, or has its name
        system.delete_file(path)


def names_in(folder: str, inside: str = "") -> list[str]:
    """The names of what is in a folder of a folder, sorted; none where it is not there."""
    system, path = resolve_filesystem(folder)
    selector = fs.FileSelector(f"{path}/{inside}".rstrip("/"), allow_not_found=True)
    return sorted(posixpath.basename(info.path) for info in system.get_file_info(selector))


def is_file(folder: str, name: str) -> bool:
    """Whether a folder has a file."""
    system, path = resolve_filesystem(folder)
    return bool(system.get_file_info(f"{path}/{name}").type == fs.FileType.File)


def read(folder: str, name: str) -> bytes:
    """A file of a folder."""
    system, path = resolve_filesystem(folder)
    with system.open_input_stream(f"{path}/{name}", compression=None) as stream:
        content: bytes = stream.read()
    return content


def make_folders(folder: str, *inside: str) -> None:
    """Make a folder, and folders in it, where they are not there yet."""
    system, path = resolve_filesystem(folder)
    for name in ("", *inside):
        system.create_dir(f"{path}/{name}".rstrip("/"), recursive=True)


def delete(folder: str, name: str) -> None:
    """Delete a file of a folder, if it is there."""
    system, path = resolve_filesystem(folder)
    _forget(system, f"{path}/{name}")
