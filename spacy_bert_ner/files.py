"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import Errors


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder beside `folder` that takes its name, and its place, when the block ends without an error."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
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
    """Put a folder in the place of another, which is moved aside and deleted only when that has worked."""
    aside = temporary.with_name(f"{temporary.name}.old")
    if folder.exists():
        folder.rename(aside)
    try:
        temporary.rename(folder)
    except BaseException:
        if aside.exists():
            aside.rename(folder)
        raise
    if aside.is_symlink():
        aside.unlink()
    elif aside.exists():
        shutil.rmtree(aside)


@contextmanager
def whole_files(folder: Path, names: list[str]) -> Iterator[list[Path]]:
    """Temporary files that take the names `names` in `folder` when the block ends without an error.

    Those of the same names that a killed process of this machine left behind are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        _remove_orphans(folder, name)
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


def _remove_orphans(folder: Path, name: str) -> None:
    beginning = _beginning(name)
    for path in folder.iterdir():
        number = path.name.removeprefix(beginning).removesuffix(".tmp")
        if path.name == f"{beginning}{number}.tmp" and number.isdecimal() and not _is_running(int(number)):
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


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
