"""Read and write files on this machine or at an address that pyarrow or fsspec can open."""

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

_WILDCARD = re.compile(r"[*?\[]")
_WILDCARD_IN_ADDRESS = re.compile(r"[*\[]")
"""Wildcards in an address such as `s3://bucket/*`. The question mark is not included because it introduces options."""

COMPRESSED = {".gz", ".bz2", ".zst", ".lz4"}
"""Suffixes of files that pyarrow decompresses while reading them."""

FORMATS = {
    **{".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"},
    **{".csv": "csv", ".tsv": "tsv", ".txt": "text", ".spacy": "spacy"},
}
"""File format by file suffix."""


class File(NamedTuple):
    """An input file.

    address (str): path or address, in the format that `resolve_filesystem` accepts.
    name (str): file name to use in document IDs.
    size (int): file size in bytes.
    format (str): file format. One of the values in `FORMATS`.
    """

    address: str
    name: str
    size: int
    format: str


# Addresses


def resolve_filesystem(address: str) -> tuple[fs.FileSystem, str]:
    """Return the file system for an address and the path on that file system.

    address (str): path on this machine, or address such as `s3://bucket/folder`. If pyarrow does not support the
        address, fsspec opens it.
    RETURNS (tuple[fs.FileSystem, str]): the file system and the path.
    RAISES BertNerError: neither pyarrow nor fsspec can open the address.
    """
    return _resolve_url(address) if "://" in address else (fs.LocalFileSystem(), str(Path(address).absolute()))


@lru_cache(1000)
def _resolve_url(address: str) -> tuple[fs.FileSystem, str]:
    # Cache the result because pyarrow can query an object store for its region.
    try:
        try:
            resolved: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(address)
        except pa.ArrowInvalid:
            filesystem, path = url_to_fs(address)
            resolved = fs.PyFileSystem(fs.FSSpecHandler(filesystem)), path
    except (OSError, ValueError, ImportError) as e:
        raise BertNerError(Errors.bad_address.format(address=address, reason=format_exception(e))) from e
    return resolved


def absolute(address: str) -> str:
    """Return an absolute path. An address with a protocol, such as `s3://`, is returned unchanged."""
    return address if "://" in address else str(Path(address).absolute())


# Input files


def find_inputs(inputs: Sequence[str]) -> list[File]:
    """Find all input files.

    inputs (Sequence[str]): files, folders, and patterns such as `news/**/*.parquet`. A folder is searched recursively
        for files in a known format. In folders and patterns, names that start with a dot or an underscore are skipped.
    RETURNS (list[File]): the files without duplicates, sorted by address.
    RAISES BertNerError: an input does not exist, cannot be opened, or contains no file in a known format.
    """
    files: dict[str, tuple[int, str]] = {}
    for address in inputs:
        matches = dict(_find_matches(address))
        if not matches:
            raise BertNerError(Errors.no_input.format(address=address, formats=", ".join(FORMATS)))
        files |= matches
    names = {address: posixpath.basename(address) for address in files}
    if len(set(names.values())) < len(names):
        names = {address: address for address in files}
    return [File(address, names[address], *files[address]) for address in sorted(files)]


def _find_matches(address: str) -> Iterator[tuple[str, tuple[int, str]]]:
    """Find the files that match one input.

    address (str): file, folder or pattern.
    YIELDS (tuple[str, tuple[int, str]]): the address of each file, with its size in bytes and its format.
    RAISES BertNerError: the input does not exist, cannot be opened, or is a file in an unknown format.
    """
    base, pattern = _split_pattern(address)
    filesystem, path = resolve_filesystem(base)
    try:
        info = filesystem.get_file_info(path)
        if info.type == fs.FileType.File:
            infos = [info]
        elif info.type == fs.FileType.Directory:
            infos = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
        else:
            raise BertNerError(Errors.no_such_file.format(path=address))
    except OSError as e:
        raise BertNerError(Errors.bad_address.format(address=address, reason=format_exception(e))) from e
    for info in infos:
        relative_path = info.path[len(path) :].lstrip("/")
        file_address = f"{base.rstrip('/')}/{relative_path}" if relative_path else base
        if info.type != fs.FileType.File or any(part.startswith((".", "_")) for part in relative_path.split("/")):
            continue
        if pattern is not None and not pattern.match(file_address):
            continue
        format = format_of(info.path)
        if format is None and not relative_path:
            raise BertNerError(Errors.no_input.format(address=address, formats=", ".join(FORMATS)))
        if format is not None:
            yield file_address, (info.size, format)


def _split_pattern(address: str) -> tuple[str, re.Pattern[str] | None]:
    """Split a pattern into the folder above its first wildcard and the compiled pattern.

    address (str): path, address or pattern.
    RETURNS (tuple[str, re.Pattern[str] | None]): the folder and the compiled pattern. If the address contains no
        wildcard or is an existing file or folder: the unchanged address, and None.
    """
    wildcard = _WILDCARD_IN_ADDRESS.search(address) if "://" in address else _WILDCARD.search(address)
    # The name of an existing file or folder can contain a wildcard character.
    if wildcard is None or _exists(address):
        return address, None
    base = address[: wildcard.start()].rpartition("/")[0] or ("/" if address[0] == "/" else ".")
    is_relative = base == "." and not address.startswith("./")
    return base, re.compile(glob_translate(f"./{address}" if is_relative else address))


def _exists(address: str) -> bool:
    filesystem, path = resolve_filesystem(address)
    return bool(filesystem.get_file_info(path).type != fs.FileType.NotFound)


def format_of(name: str) -> str | None:
    """Return the file format for a file name, or None if the suffix is unknown.

    Also return None for compressed Parquet and `.spacy` files, which cannot be read.
    """
    stem, suffix = posixpath.splitext(name.lower())
    format = FORMATS.get(posixpath.splitext(stem)[1] if suffix in COMPRESSED else suffix)
    return None if suffix in COMPRESSED and format in ("parquet", "spacy") else format


def is_compressed(name: str) -> bool:
    """Return whether pyarrow must decompress a file while reading it."""
    return posixpath.splitext(name.lower())[1] in COMPRESSED


@contextmanager
def open_input(address: str) -> Iterator[Any]:
    """Open a file and decompress it if necessary. The stream is seekable only if the file is not compressed.

    address (str): path or address of the file.
    YIELDS (Any): a binary stream.
    """
    filesystem, path = resolve_filesystem(address)
    if is_compressed(path):
        with filesystem.open_input_stream(path, compression="detect") as stream:
            yield stream
        return
    with filesystem.open_input_file(path) as file:
        yield file


# Output


class OutputFolder:
    """An output folder. Methods take file names relative to this folder.

    address (str): path or address, in the format that `resolve_filesystem` accepts.
    RAISES BertNerError: the address cannot be opened.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._filesystem, self._root = resolve_filesystem(address)

    @contextmanager
    def write(self, name: str) -> Iterator[Any]:
        """Open a binary stream for writing a file atomically.

        The file is created or replaced at the end of the `with` block. If the block raises an exception, the file is
        left unchanged.

        name (str): name of the file.
        YIELDS (Any): the stream.
        """
        final = self._path(name)
        temporary = posixpath.join(posixpath.dirname(final), f".{posixpath.basename(name)}.{uuid.uuid4().hex}.tmp")
        try:
            with self._filesystem.open_output_stream(temporary) as stream:
                yield stream
            self._filesystem.move(temporary, final)
        except BaseException:
            self._delete_if_exists(temporary)
            raise

    def read(self, name: str) -> bytes:
        """Return the contents of a file."""
        with self._filesystem.open_input_stream(self._path(name), compression=None) as stream:
            content: bytes = stream.read()
        return content

    def is_file(self, name: str) -> bool:
        """Return whether a file exists."""
        return bool(self._filesystem.get_file_info(self._path(name)).type == fs.FileType.File)

    def list_names(self, subfolder: str = "") -> list[str]:
        """Return the sorted names of all entries in a subfolder, or an empty list if the subfolder does not exist."""
        selector = fs.FileSelector(self._path(subfolder), allow_not_found=True)
        return sorted(posixpath.basename(info.path) for info in self._filesystem.get_file_info(selector))

    def create(self, *subfolders: str) -> None:
        """Create the folder and the specified subfolders if they do not exist."""
        for name in ("", *subfolders):
            self._filesystem.create_dir(self._path(name), recursive=True)

    def delete(self, name: str) -> None:
        """Delete a file if it exists."""
        self._delete_if_exists(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/")

    def _delete_if_exists(self, path: str) -> None:
        with suppress(OSError):  # the file was never created or has been renamed
            self._filesystem.delete_file(path)
