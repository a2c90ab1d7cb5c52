"""Test the commands in the README's section on your own data, with an installed wheel and without a clone."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from support import ROOT

pytestmark = pytest.mark.docs

README = (ROOT / "README.md").read_text(encoding="utf8")
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
ENCODER = "google-bert/bert-base-german-cased"
NAMES = ["Anna Weiß", "Jürgen Müller", "Käthe Kruse"]
PLACES = ["Köln", "Bad Tölz", "Zürich"]
COMPANIES = ["Nägele AG", "Möbel Höffner"]
SETTINGS = {
    "init": [],
    "train": ["--training.max_steps", "40", "--training.eval_frequency", "20", "--no-progress"],
    "evaluate": [],
    "package": [],
}
"""Options that make training short. They are added to the commands in the README."""


def table(n_rows: int, first: int) -> str:
    """Return annotated sentences as a table with semicolons, as German spreadsheets write them."""
    rows = ["text;labels"]
    for i in range(first, first + n_rows):
        parts = [(NAMES[i % 3], "Person"), ("arbeitet bei", ""), (COMPANIES[i % 2], "Firma"), ("in", "")]
        parts += [(PLACES[2 * i % 3], "Ort"), (".", "")]
        words, tags = [], []
        for text, label in parts:
            for n, word in enumerate(text.split()):
                words.append(word)
                tags.append(f"{'I' if n else 'B'}-{label}" if label else "O")
        rows.append(f"{' '.join(words)};{' '.join(tags)}")
    return "\n".join([*rows, ""])


def test_a_wheel_alone_trains_and_packages_a_german_pipeline(tmp_path: Path, encoder_512: Path) -> None:
    folder, site = tmp_path / "work", tmp_path / "site"
    folder.mkdir()
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | {"HF_HUB_OFFLINE": "1"}

    def run(*arguments: str, **changes: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=folder, env=environment | changes, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    run(str(ROOT / "scripts" / "component_wheel.py"), str(tmp_path), PYTHONPATH=str(ROOT))
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)  # as pip does with a wheel of pure Python
    environment["PYTHONPATH"] = str(site)
    assert run("-c", "import spacy_bert_ner; print(spacy_bert_ner.__file__)").startswith(str(site))

    for name, n_rows, first in (("train", 60, 0), ("dev", 20, 1), ("test", 20, 2)):
        (folder / f"{name}.csv").write_text(table(n_rows, first), encoding="utf8")
    outputs = {}
    for line in COMMANDS:
        python, *arguments = shlex.split(line.replace(ENCODER, str(encoder_512)))
        if python == "pip":
            continue
        name = next(part for part in arguments if part in SETTINGS)
        outputs[name] = run(*arguments, *SETTINGS[name])
    assert outputs.keys() == SETTINGS.keys()
    for label in ("Firma", "Ort", "Person"):
        assert re.search(rf"^{label} ", outputs["evaluate"], re.MULTILINE)

    package = folder / "de_meine_ner-0.1.0"
    code = "import de_meine_ner as package; nlp = package.load(); print(nlp.lang, nlp.get_pipe('bert_ner').labels)"
    assert run("-c", code, PYTHONPATH=f"{package}{os.pathsep}{site}") == "de ('Firma', 'Ort', 'Person')\n"
