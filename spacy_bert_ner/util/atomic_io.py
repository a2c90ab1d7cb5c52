"""Write files and folders atomically: the result appears only once it is complete."""

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

    Removes temporary folders for the same name that a killed process of this machine left.

    folder (Path): the folder to write. An existing folder, file or link is replaced.
    RETURNS: the temporary folder, on the same file system.
    RAISES OSError: the folder cannot be written. An existing folder is unchanged.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_stale_temp(folder.parent, folder.name)
    prefix = f"{_temp_prefix(folder.name)}{os.getpid()}."
    temporary = Path(tempfile.mkdtemp(prefix=prefix, suffix=".tmp", dir=folder.parent))
    temporary.chmod(0o755)  # mkdtemp makes it private
    try:
        yield temporary
        for path in temporary.rglob("*"):
            # safetensors makes its files private, but every user must be able to read an installed package.
            path.chmod(0o755 if path.is_dir() else 0o644)
            if path.is_file():
                _flush(path)
        _swap(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _swap(temporary: Path, folder: Path) -> None:
    """Rename a folder to the name of another, and delete the other one."""
    if not os.path.lexists(folder):
        temporary.rename(folder)
        return
    old = temporary
    if not _exchange(temporary, folder):
        # Between the two renames, no folder has the name. If the process is killed then, the old one stays renamed.
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
    """Exchange the names of two paths in one step.

    RETURNS: whether they were exchanged. Only Linux supports it, and not on every file system.
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    current_folder, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of renameat2(2)
    return int(rename(current_folder, os.fsencode(first), current_folder, os.fsencode(second), exchange)) == 0


@contextmanager
def atomic_files(folder: Path, names: list[str]) -> Iterator[list[Path]]:
    """Yield temporary files that are renamed to `names` if the block ends without an error.

    Removes temporary files for the same names that a killed process of this machine left.

    folder (Path): folder of the files; it is created.
    names (list[str]): names of the files. Existing files of these names are replaced.
    RETURNS: the paths to write, one for each name.
    RAISES IsADirectoryError: a folder has one of the names. OSError: a file was not written. Existing files are
        unchanged in both cases.
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
    """Return how the names of temporary files begin; the process id follows.

    The prefix names the machine, because other machines and containers may share the folder, and a process id is only
    valid on one of them.
    """
    return f".{name}.{platform.node()}."


def remove_stale_temp(folder: Path, name: str | None = None) -> None:
    """Remove temporary files and folders that killed processes of this machine left in a folder.

    folder (Path): the folder.
    name (str | None): name of the file or folder that was being written. Default: None, any name.
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
    """Return whether a process with this id may be running."""
    if os.name != "posix":  # only POSIX has a signal 0, which does nothing to the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file in constant memory.

    path (Path): the file.
    RETURNS: 64 hexadecimal digits.
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
