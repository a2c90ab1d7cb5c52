"""Record the package versions and the pipeline and data checksums that determine a result."""

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
    """Return the versions of Python and of the installed packages that affect predictions, and the platform."""
    by_name = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in _PACKAGES:
        try:
            by_name[package] = version(package)
        except PackageNotFoundError:
            continue
    return by_name


def pipeline_sum(folder: Path) -> str:
    """Compute one SHA-256 checksum for all files that affect the predictions of a saved pipeline.

    The checksum covers the config and the files of all components. It excludes `meta.json`, which contains the name,
    version, authors and licence, because `spacy package` changes these.

    folder (Path): folder of the pipeline.
    RETURNS (str): checksum as 64 hexadecimal digits.
    RAISES OSError: a file cannot be read.
    """
    names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    # Desktop environments create hidden files in folders that they open.
    names = [name for name in names if name.as_posix() not in _ABOUT and not name.name.startswith(".")]
    lines = [f"{name.as_posix()} {sha256_of(folder / name)}\n" for name in sorted(names)]
    return sha256("".join(lines).encode("utf8", "surrogateescape")).hexdigest()


def data_sum(path: Path) -> dict[str, Any]:
    """Return the path and the SHA-256 checksum of a data file.

    path (Path): path of the file.
    RETURNS (dict[str, Any]): table for JSON with the keys `path` and `sha256`. The value of `sha256` maps the file name
        to the checksum.
    RAISES OSError: the file cannot be read.
    """
    return {"path": str(path), "sha256": {path.name: sha256_of(path)}}
