"""Write files and folders atomically, so that a result appears only when it is complete."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import Errors


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that replaces `folder` if the block ends without an error.

    Temporary folders that killed processes on this machine left for the same target are removed first.

    folder (Path): folder to write. It replaces an existing folder, file or link.
    YIELDS (Path): temporary folder on the same file system.
    RAISES OSError: the folder cannot be written. An existing folder then stays unchanged.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_stale_temp(folder.parent, folder.name)
    prefix = f"{_temp_prefix(folder.name)}{os.getpid()}."
    temporary = Path(tempfile.mkdtemp(prefix=prefix, suffix=".tmp", dir=folder.parent))
    temporary.chmod(0o755)  # `mkdtemp` creates a private folder
    try:
        yield temporary
        for path in temporary.rglob("*"):
            # safetensors creates private files, but every user must be able to read an installed package.
            path.chmod(0o755 if path.is_dir() else 0o644)
            if path.is_file():
                _flush(path)
        _swap(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _swap(temporary: Path, folder: Path) -> None:
    """Replace `folder` with the temporary folder, and delete the old folder."""
    if not os.path.lexists(folder):
        temporary.rename(folder)
        return
    old = temporary
    if not _exchange(temporary, folder):
        # Between the two renames, no folder has the final name. If the process is killed at that moment, the old folder
        # keeps its temporary name.
        old = temporary.with_name(f"{temporary.name}.old")
        folder.rename(old)
        try:
            temporary.rename(folder)
        except BaseException:
            old.rename(folder)
            raise
    if old.is_dir() and not old.is_symlink():
        shutil.rmtree(old)
    else:
        old.unlink()


def _exchange(first: Path, second: Path) -> bool:
    """Exchange the names of two paths atomically.

    RETURNS (bool): True if the names were exchanged. Only Linux supports this, and not on every file system.
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    current_folder, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE from renameat2(2)
    return int(rename(current_folder, os.fsencode(first), current_folder, os.fsencode(second), exchange)) == 0


@contextmanager
def atomic_files(folder: Path, names: list[str]) -> Iterator[list[Path]]:
    """Yield paths for temporary files that are renamed to `names` if the block ends without an error.

    Temporary files for the same names that were left behind by killed processes on this machine are removed first.

    folder (Path): folder for the files. It is created if it does not exist.
    names (list[str]): names of the files. Existing files with these names are replaced.
    YIELDS (list[Path]): temporary paths to write, one for each name.
    RAISES IsADirectoryError: a folder has one of the names. Existing files stay unchanged.
    RAISES OSError: a file cannot be written. Existing files stay unchanged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        remove_stale_temp(folder, name)
    temporary = [folder / f"{_temp_prefix(name)}{os.getpid()}.tmp" for name in names]
    try:
        yield temporary
        for path in temporary:
            _flush(path)
        for name in names:
            if (folder / name).is_dir():
                raise IsADirectoryError(Errors.file_is_folder.format(path=folder / name))
        for path, name in zip(temporary, names, strict=True):
            path.replace(folder / name)
    finally:
        for path in temporary:
            path.unlink(missing_ok=True)


def _temp_prefix(name: str) -> str:
    """Return the prefix for the names of temporary files, to be followed by the process ID.

    The prefix contains the name of the machine, because other machines and containers may share the folder, and a
    process ID is valid on only one of them.
    """
    return f".{name}.{platform.node()}."


def remove_stale_temp(folder: Path, name: str | None = None) -> None:
    """Remove temporary files and folders that were left behind in a folder by killed processes on this machine.

    folder (Path): folder to clean up.
    name (str | None): name of the file or folder that was being written. None means any name. Default: None.
    """
    prefix = re.escape(_temp_prefix(name)) if name else rf"\..+\.{re.escape(platform.node())}\."
    pattern = re.compile(rf"{prefix}(\d+)(\.\w+)?\.tmp")
    for path in folder.iterdir():
        match = pattern.fullmatch(path.name)
        if match and not _is_running(int(match[1])):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    """Return whether a process with this ID may still be running."""
    if os.name != "posix":  # only POSIX has signal 0, which tests for a process without affecting it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 checksum of a file with constant memory use.

    path (Path): path of the file.
    RETURNS (str): checksum as 64 hexadecimal digits.
    RAISES OSError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
