"""Write a wheel of the installed spacy-bert-ner into a folder, without a network and without a build tool.

    python scripts/component_wheel.py packages/en_bert_ner_sample-0.1.0/dist

A packaged pipeline requires spacy-bert-ner. pip takes it from a wheel beside where the package index lacks it:

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
"""Of all files, so that the same code makes the same wheel."""


def wheel_files(version: str) -> dict[str, bytes]:
    """The files of the wheel by their path in it, without its RECORD."""
    package = Path(spacy_bert_ner.__file__).parent
    files = {
        f"{NAME}/{path.relative_to(package).as_posix()}": path.read_bytes()
        for path in sorted(package.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    info, installed = f"{NAME}-{version}.dist-info", distribution("spacy-bert-ner")
    # An egg-info, which a build leaves in a clone, has PKG-INFO.
    metadata = installed.read_text("METADATA") or installed.read_text("PKG-INFO")
    texts = {"METADATA": metadata, "entry_points.txt": installed.read_text("entry_points.txt"), "WHEEL": WHEEL}
    texts |= {f"licenses/{file.name}": file.read_text() for file in installed.files or () if "licenses" in file.parts}
    files |= {f"{info}/{name}": text.encode() for name, text in texts.items() if text}
    return files


def record(files: dict[str, bytes], path: str) -> bytes:
    """The RECORD of a wheel: path, hash and size of each file, and its own path."""
    rows = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
        for name, data in files.items()
    ]
    return "".join(f"{row}\n" for row in [*rows, f"{path},,"]).encode()


def write_wheel(folder: Path) -> Path:
    """Write the wheel, whole or not at all; one of another version is removed.

    RETURNS: the file.
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
    parser.add_argument("folder", type=Path, help="folder to write the wheel to")
    print(f"Wrote {write_wheel(parser.parse_args().folder)}")
