"""Record what determines a result: package versions, and checksums of pipelines and data."""

from __future__ import annotations

import platform
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .atomic_io import sha256_of

_ABOUT = {"meta.json", "README.md", "LICENSE", "LICENSES_SOURCES"}
_PACKAGES = (
    "spacy-bert-ner",
    "spacy",
    "thinc",
    "torch",
    "transformers",
    "tokenizers",
    "numpy",
    "onnxruntime",
    "spacy-transformers",
)


def versions() -> dict[str, str]:
    """Return the versions of Python, of the system, and of the installed packages that predictions depend on."""
    by_name = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in _PACKAGES:
        try:
            by_name[package] = version(package)
        except PackageNotFoundError:
            continue
    return by_name


def pipeline_sum(folder: Path) -> str:
    """Compute one SHA-256 of everything that the predictions of a saved pipeline depend on.

    It covers the config and the files of the components. It leaves out the name, version, authors and licence in
    `meta.json`, because `spacy package` changes them too.

    folder (Path): the folder of the pipeline.
    RETURNS: 64 hexadecimal digits.
    RAISES OSError: a file cannot be read.
    """
    names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    # Desktops create hidden files in folders that were opened there.
    names = [name for name in names if name.as_posix() not in _ABOUT and not name.name.startswith(".")]
    lines = [f"{name.as_posix()} {sha256_of(folder / name)}\n" for name in sorted(names)]
    return sha256("".join(lines).encode("utf8", "surrogateescape")).hexdigest()


def data_sum(path: Path) -> dict[str, Any]:
    """Return the path of a data file, and its SHA-256 by its name.

    path (Path): the file.
    RETURNS: a table with the keys `path` and `sha256`, for JSON.
    RAISES OSError: the file cannot be read.
    """
    return {"path": str(path), "sha256": {path.name: sha256_of(path)}}
