"""SHA-256 sums of what a component saved, so that a file that is damaged, missing or of another save is noticed."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable
from pathlib import Path

from ..errors import CheckpointError, Errors
from .atomic_io import sha256_of
from .file_limits import irregular_files

SUMS = "sha256.json"
"""In the folder of a component: the sum of each file there, by its path in that folder."""


def write_sums(folder: Path) -> None:
    """Write the sums of all files in a folder."""
    text = json.dumps({name: _sum(folder / name) for name in _names(folder)}, indent=2)
    (folder / SUMS).write_text(text + "\n", encoding="utf8")


def check_sums(folder: Path, exclude: Iterable[str] = ()) -> None:
    """Refuse a folder whose files are not those that were saved, before any of them is opened.

    Where sums are missing, files may be missing too: whoever copies or deletes a folder, in whatever order, may have
    been killed. So they are refused. Sums that are `{}`, as of a folder that was put together by hand, give a warning.
    Sums tell of damage; they do not prove who made the files, which a signature of the package would.

    exclude: files and folders at the top of it that are not looked at.
    RAISES CheckpointError: something is no file; a file is missing, differs, or was not saved with the others; or the
        sums are missing, or cannot be read.
    """
    strange = irregular_files(folder) if folder.is_dir() else []
    if strange:
        raise CheckpointError(Errors.irregular_file.format(folder=folder, file=strange[0]))
    names = set(_names(folder, exclude))
    if not (folder / SUMS).is_file():
        if names:
            raise CheckpointError(Errors.no_sums.format(folder=folder))
        return  # what is not there at all is told by who opens it
    all_sums = _read(folder)
    if names and not all_sums:
        warnings.warn(Errors.empty_sums.format(folder=folder), UserWarning, stacklevel=2)
        return
    sums = {name: value for name, value in all_sums.items() if name.partition("/")[0] not in exclude}
    found = [f"{name} is missing" for name in sorted(sums.keys() - names)]
    found += [f"{name} was not saved with it" for name in sorted(names - sums.keys())]
    found += [f"{name} is another file" for name in sorted(sums.keys() & names) if _sum(folder / name) != sums[name]]
    if found:
        raise CheckpointError(Errors.sums_differ.format(folder=folder, found="; ".join(found)))


def _read(folder: Path) -> dict[str, str]:
    try:
        sums = json.loads((folder / SUMS).read_text(encoding="utf8"))
    except (OSError, ValueError, RecursionError) as e:
        raise CheckpointError(Errors.bad_sums.format(path=folder / SUMS, reason=e)) from e
    if not isinstance(sums, dict) or not all(re.fullmatch("[0-9a-f]{64}", str(value)) for value in sums.values()):
        reason = "it is no table of sums by file"
        raise CheckpointError(Errors.bad_sums.format(path=folder / SUMS, reason=reason))
    return sums


def _names(folder: Path, exclude: Iterable[str] = ()) -> list[str]:
    """The files of a folder, but for the sums and for hidden ones, which desktops and version control leave."""
    paths = [path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()]
    shown = [path for path in paths if path.parts[0] not in exclude and not any(p.startswith(".") for p in path.parts)]
    return sorted(path.as_posix() for path in shown if path.as_posix() != SUMS)


def _sum(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as e:
        return str(e)  # which is no sum
