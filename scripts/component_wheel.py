"""Write a wheel for the installed `spacy-bert-ner` package, without network access or a build tool.

    python scripts/component_wheel.py packages/en_bert_ner_sample-0.1.0/dist

A packaged pipeline requires `spacy-bert-ner`. If the package index does not have it, install both wheels together:

    pip install ./spacy_bert_ner-*.whl ./en_bert_ner_sample-*.whl
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import spacy_bert_ner
from spacy_bert_ner.util.atomic_io import atomic_files

NAME = "spacy_bert_ner"
WHEEL = "Wheel-Version: 1.0\nGenerator: component_wheel\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
TIME = (1980, 1, 1, 0, 0, 0)
"""Modification time for all files in the wheel, so that the same code always produces the same wheel."""


def wheel_files(version: str) -> dict[str, bytes]:
    """Return the contents of all files in the wheel except `RECORD`, by their path in the wheel."""
    package = Path(spacy_bert_ner.__file__).parent
    files = {
        f"{NAME}/{path.relative_to(package).as_posix()}": path.read_bytes()
        for path in sorted([*package.rglob("*"), *package.glob("recipes/*")])  # `recipes` may be a link
        if path.is_file() and "__pycache__" not in path.parts
    }
    info, installed = f"{NAME}-{version}.dist-info", distribution("spacy-bert-ner")
    # If a build left an `egg-info` folder in the clone, the metadata file is named PKG-INFO.
    metadata = installed.read_text("METADATA") or installed.read_text("PKG-INFO")
    texts = {"METADATA": metadata, "entry_points.txt": installed.read_text("entry_points.txt"), "WHEEL": WHEEL}
    texts |= {f"licenses/{file.name}": file.read_text() for file in installed.files or () if "licenses" in file.parts}
    files |= {f"{info}/{name}": text.encode() for name, text in texts.items() if text}
    return files


def record(files: dict[str, bytes], path: str) -> bytes:
    """Return the content of `RECORD`: the path, hash and size of each file, and its own path without hash and size."""
    rows = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
        for name, data in files.items()
    ]
    return "".join(f"{row}\n" for row in [*rows, f"{path},,"]).encode()


def write_wheel(folder: Path) -> Path:
    """Write the wheel atomically and remove wheels for other versions from the folder.

    RETURNS: the path to the wheel.
    """
    version = distribution("spacy-bert-ner").version
    files = wheel_files(version)
    path = f"{NAME}-{version}.dist-info/RECORD"
    files[path] = record(files, path)
    wheel = folder / f"{NAME}-{version}-py3-none-any.whl"
    with (
        atomic_files(folder, [wheel.name]) as (temporary,),
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, TIME), data, zipfile.ZIP_DEFLATED)
    for other in folder.glob(f"{NAME}-*.whl"):
        if other != wheel:
            other.unlink()
    return wheel


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="output folder")
    print(f"Wrote {write_wheel(parser.parse_args().folder)}")
