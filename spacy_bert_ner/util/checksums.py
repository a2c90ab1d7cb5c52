"""Write and verify SHA-256 checksums for saved files, to detect damaged, missing or mismatched files."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable
from pathlib import Path

from ..errors import CheckpointError, Errors
from .atomic_io import sha256_of
from .file_limits import irregular_files

_SHA256 = re.compile("[0-9a-f]{64}")

SUMS = "sha256.json"
"""Name of the file that maps the path of each file in a folder to its checksum."""


def write_sums(folder: Path) -> None:
    """Write the checksums of all files in a folder to `sha256.json` in that folder.

    folder (Path): folder of a saved component or training checkpoint.
    RAISES OSError: `sha256.json` cannot be written.
    """
    text = json.dumps({name: _checksum(folder / name) for name in _names(folder)}, indent=2)
    (folder / SUMS).write_text(text + "\n", encoding="utf8")


def check_sums(folder: Path, exclude: Iterable[str] = ()) -> None:
    """Reject a folder whose files differ from those that were saved, before any file is opened.

    A folder without `sha256.json` is rejected, because a process that copied or deleted the folder may have been killed
    and other files may be missing too. If `sha256.json` contains only an empty table `{}`, a warning is issued
    instead. This is useful for a folder that was assembled manually. Checksums detect damage, but they do not prove the
    origin of the files. Only a signature for the package could prove that.

    folder (Path): folder of a saved component or training checkpoint.
    exclude (Iterable[str]): names of top-level files and folders to ignore. Default: none.
    RAISES CheckpointError: an entry is not a regular file; a file is missing, has changed, or was not saved with the
        other files; or the checksums are missing or cannot be read.
    """
    irregular = irregular_files(folder) if folder.is_dir() else []
    if irregular:
        raise CheckpointError(Errors.irregular_file.format(folder=folder, file=irregular[0]))
    names = set(_names(folder, exclude))
    if not (folder / SUMS).is_file():
        if names:
            raise CheckpointError(Errors.no_sums.format(folder=folder))
        return  # the caller reports an empty or missing folder
    all_checksums = _read(folder)
    if names and not all_checksums:
        warnings.warn(Errors.empty_sums.format(folder=folder), UserWarning, stacklevel=2)
        return
    checksums = {name: value for name, value in all_checksums.items() if name.partition("/")[0] not in exclude}
    problems = [f"{name} is missing" for name in sorted(checksums.keys() - names)]
    problems += [f"{name} was added" for name in sorted(names - checksums.keys())]
    problems += [
        f"{name} has a different checksum"
        for name in sorted(checksums.keys() & names)
        if _checksum(folder / name) != checksums[name]
    ]
    if problems:
        raise CheckpointError(Errors.sums_differ.format(folder=folder, found="; ".join(problems)))


def _read(folder: Path) -> dict[str, str]:
    try:
        checksums = json.loads((folder / SUMS).read_text(encoding="utf8"))
    except (OSError, ValueError, RecursionError) as e:
        raise CheckpointError(Errors.bad_sums.format(path=folder / SUMS, reason=e)) from e
    if not isinstance(checksums, dict) or not all(_SHA256.fullmatch(str(value)) for value in checksums.values()):
        reason = "it is not a table that maps files to checksums"
        raise CheckpointError(Errors.bad_sums.format(path=folder / SUMS, reason=reason))
    return checksums


def _names(folder: Path, exclude: Iterable[str] = ()) -> list[str]:
    """List the files in a folder as sorted paths relative to that folder.

    Omit the checksum file, and omit hidden files, which desktops and version control systems create.
    """
    paths = [path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()]
    visible = [
        path for path in paths if path.parts[0] not in exclude and not any(part.startswith(".") for part in path.parts)
    ]
    return sorted(path.as_posix() for path in visible if path.as_posix() != SUMS)


def _checksum(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as e:
        return str(e)  # a message, which never equals a checksum
