"""Read and write files on this machine, or at an address that pyarrow or fsspec can open."""

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
"""Wildcards of patterns. In an address, the options follow a question mark."""

COMPRESSED = {".gz", ".bz2", ".zst", ".lz4"}
"""Suffixes of files that pyarrow decompresses while it reads them."""

FORMATS = {
    **{".parquet": "parquet", ".pq": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"},
    **{".csv": "csv", ".tsv": "tsv", ".txt": "text", ".spacy": "spacy"},
}
"""Format by file suffix."""


class File(NamedTuple):
    """A file of documents.

    address (str): address of the file, as `resolve_filesystem` takes it.
    name (str): name of the file in ids of documents.
    size (int): size in bytes.
    format (str): one of the values of `FORMATS`.
    """

    address: str
    name: str
    size: int
    format: str


# Addresses


def resolve_filesystem(address: str) -> tuple[fs.FileSystem, str]:
    """Return the file system of an address, and the path in it.

    address (str): a path on this machine, or an address such as `s3://bucket/folder`. fsspec opens the addresses that
        pyarrow does not know.
    RETURNS (tuple[fs.FileSystem, str]): the file system and the path.
    RAISES BertNerError: neither of them can open the address.
    """
    return _resolve_url(address) if "://" in address else (fs.LocalFileSystem(), str(Path(address).absolute()))


@lru_cache(1000)
def _resolve_url(address: str) -> tuple[fs.FileSystem, str]:
    # Cached, as resolving may query an object store for its region.
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
    """Return an address that does not depend on the working directory."""
    return address if "://" in address else str(Path(address).absolute())


# Input files


def find_inputs(inputs: Sequence[str]) -> list[File]:
    """Find the input files.

    inputs (Sequence[str]): files, folders and patterns such as `news/**/*.parquet`. A folder stands for all its files
        of a known format. Names that begin with a dot or an underscore are left out of folders and patterns.
    RETURNS (list[File]): the files, sorted by address, each once.
    RAISES BertNerError: an input does not exist, or has no file of a known format.
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
    """Yield the address, size and format of each file that an input stands for."""
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
    """Return the folder above the first wildcard of a pattern, and the pattern; None if the address is no pattern."""
    wildcard = _WILDCARD_IN_ADDRESS.search(address) if "://" in address else _WILDCARD.search(address)
    # The name of a file may contain a wildcard.
    if wildcard is None or _exists(address):
        return address, None
    base = address[: wildcard.start()].rpartition("/")[0] or ("/" if address[0] == "/" else ".")
    is_relative = base == "." and not address.startswith("./")
    return base, re.compile(glob_translate(f"./{address}" if is_relative else address))


def _exists(address: str) -> bool:
    filesystem, path = resolve_filesystem(address)
    return bool(filesystem.get_file_info(path).type != fs.FileType.NotFound)


def format_of(name: str) -> str | None:
    """Return the format of a file by its name; None if the name has no known suffix."""
    stem, suffix = posixpath.splitext(name.lower())
    format = FORMATS.get(posixpath.splitext(stem)[1] if suffix in COMPRESSED else suffix)
    return None if suffix in COMPRESSED and format in ("parquet", "spacy") else format


def is_compressed(name: str) -> bool:
    """Return whether pyarrow has to decompress a file while it reads it."""
    return posixpath.splitext(name.lower())[1] in COMPRESSED


@contextmanager
def open_input(address: str) -> Iterator[Any]:
    """Open a file to read its uncompressed bytes. The stream can seek if the file is not compressed."""
    filesystem, path = resolve_filesystem(address)
    if is_compressed(path):
        with filesystem.open_input_stream(path, compression="detect") as stream:
            yield stream
        return
    with filesystem.open_input_file(path) as file:
        yield file


# Output


class OutputFolder:
    """A folder to write to, whose files are addressed by their path in it.

    address (str): address of the folder, as `resolve_filesystem` takes it.
    RAISES BertNerError: the address cannot be opened.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._filesystem, self._root = resolve_filesystem(address)

    @contextmanager
    def write(self, name: str) -> Iterator[Any]:
        """Open a stream to write a file. It appears, or is replaced, when the block ends without an error."""
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
        """Return the content of a file."""
        with self._filesystem.open_input_stream(self._path(name), compression=None) as stream:
            content: bytes = stream.read()
        return content

    def is_file(self, name: str) -> bool:
        """Return whether a file exists."""
        return bool(self._filesystem.get_file_info(self._path(name)).type == fs.FileType.File)

    def list_names(self, subfolder: str = "") -> list[str]:
        """Return the sorted names in a subfolder; none if it does not exist."""
        selector = fs.FileSelector(self._path(subfolder), allow_not_found=True)
        return sorted(posixpath.basename(info.path) for info in self._filesystem.get_file_info(selector))

    def create(self, *subfolders: str) -> None:
        """Create the folder and subfolders, where they do not exist."""
        for name in ("", *subfolders):
            self._filesystem.create_dir(self._path(name), recursive=True)

    def delete(self, name: str) -> None:
        """Delete a file, if it exists."""
        self._delete_if_exists(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}".rstrip("/")

    def _delete_if_exists(self, path: str) -> None:
        with suppress(OSError):  # it was never created, or has been renamed
            self._filesystem.delete_file(path)
