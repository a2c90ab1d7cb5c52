"""Files and folders that appear whole or not at all."""

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
    """A temporary folder beside `folder` that takes its name, and its place, when the block ends without an error.

    Those that a killed process of this machine left behind for the same name are removed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_stale_temp(folder.parent, folder.name)
    beginning = f"{_beginning(folder.name)}{os.getpid()}."
    temporary = Path(tempfile.mkdtemp(prefix=beginning, suffix=".tmp", dir=folder.parent))
    temporary.chmod(0o755)  # mkdtemp makes it private
    try:
        yield temporary
        for path in temporary.rglob("*"):
            # safetensors makes its files private, which those of an installed package must not be.
            path.chmod(0o755 if path.is_dir() else 0o644)
            if path.is_file():
                _flush(path)
        _swap(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _swap(temporary: Path, folder: Path) -> None:
    """Put a folder in the place of another, and delete that."""
    if not os.path.lexists(folder):
        temporary.rename(folder)
        return
    old = temporary
    if not _exchange(temporary, folder):
        # For a moment neither has the name, which a process that is killed then leaves so, with the old one aside.
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


def _exchange(one: Path, other: Path) -> bool:
    """Let two paths change names in one step.

    RETURNS: whether they have; other systems than Linux, and some file systems, cannot.
    """
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of renameat2(2)
    return int(rename(here, os.fsencode(one), here, os.fsencode(other), exchange)) == 0


@contextmanager
def atomic_files(folder: Path, names: list[str]) -> Iterator[list[Path]]:
    """Temporary files that take the names `names` in `folder` when the block ends without an error.

    Those of the same names that a killed process of this machine left behind are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        remove_stale_temp(folder, name)
    temporary = [folder / f"{_beginning(name)}{os.getpid()}.tmp" for name in names]
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


def _beginning(name: str) -> str:
    """How the names of temporary files begin, up to the number of their process, which is one of this machine only:
    other machines, and containers, may share the folder."""
    return f".{name}.{platform.node()}."


def remove_stale_temp(folder: Path, name: str | None = None) -> None:
    """Remove what killed processes of this machine left behind in a folder.

    name: of what they were writing; None for whatever it was.
    """
    beginning = re.escape(_beginning(name)) if name else rf"\..+\.{re.escape(platform.node())}\."
    pattern = re.compile(rf"{beginning}(\d+)(\.\w+)?\.tmp")
    for path in folder.iterdir():
        found = pattern.fullmatch(path.name)
        if found and not _is_running(int(found[1])):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    """Whether there may be a process of this number."""
    if os.name != "posix":  # elsewhere signal 0 is none
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in memory that does not grow with it.

    RAISES OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
