"""What has to be known to get the same numbers again."""

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
    """Of Python, of the system, and of what predictions depend on, where it is installed."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def pipeline_sum(folder: Path) -> str:
    """One SHA-256 of all that what a saved pipeline finds depends on: of its config, and of its components' files.

    Its name, version, authors and licence in `meta.json` are left out, which `spacy package` sets too.
    """
    names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    # Systems leave hidden files in folders that somebody has looked at.
    names = [name for name in names if name.as_posix() not in _ABOUT and not name.name.startswith(".")]
    lines = [f"{name.as_posix()} {sha256_of(folder / name)}\n" for name in sorted(names)]
    return sha256("".join(lines).encode("utf8", "surrogateescape")).hexdigest()


def data_sum(path: Path) -> dict[str, Any]:
    """The path of a file, and its SHA-256 by its name."""
    return {"path": str(path), "sha256": {path.name: sha256_of(path)}}
