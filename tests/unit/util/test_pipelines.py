"""Test loading saved pipelines of all kinds."""

import numpy as np
import pytest
import spacy

from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.util.pipeline_safety import find_damage
from spacy_bert_ner.util.pipelines import load


@pytest.fixture
def folder(tmp_path):
    spacy.blank("en").to_disk(tmp_path / "pipeline")
    return tmp_path / "pipeline"


def test_a_folder_is_opened_as_path_or_as_text(folder):
    assert load(folder).pipe_names == load(str(folder)).pipe_names == []


def test_a_package_is_opened_by_its_name(folder, monkeypatch):
    named = []
    monkeypatch.setattr(spacy, "load", named.append)
    load("en_my_ner")
    assert named == ["en_my_ner"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("[components]", '[components]\n[components.x]\nfactory = "nobody"', r"ValueError: .*E002.*'nobody'"),
        ("[nlp]", "[nlp", r"\w+Error: "),
        ('lang = "en"', "lang = 3", r"\w+: "),
        ('lang = "en"', 'lang = "xq"', r"ImportError: .*E048"),
        ("spacy.Tokenizer.v1", "nobody.v1", r"\w+Error: .*nobody.v1"),
    ],
)
def test_what_cannot_be_opened_says_why(folder, old, new, reason):
    config = (folder / "config.cfg").read_text()
    assert old in config
    (folder / "config.cfg").write_text(config.replace(old, new).replace("pipeline = []", 'pipeline = ["x"]'))
    with pytest.raises(BertNerError, match=rf"as a pipeline. {reason}.* Allowed: the folder"):
        load(folder)


def test_code_of_a_package_that_fails_says_why(folder, monkeypatch):
    (folder / "__init__.py").write_text("import nobody_has_this\ndef load(**_): pass")
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.setattr("spacy.util.is_package", lambda name: name == "pipeline")
    with pytest.raises(BertNerError, match="ModuleNotFoundError: No module named 'nobody_has_this'. Allowed"):
        load("pipeline")


CUT, FOLDER, GONE = object(), object(), object()
JSON, PACKED, ARRAY = (
    "is not valid JSON, or is truncated",
    "is not valid MessagePack, or is truncated",
    "is not an array of numbers, or is",
)
DAMAGES = [
    ("meta.json", b"", "is empty"),
    ("meta.json", b"\xff\xfe", JSON),
    ("meta.json", CUT, JSON),
    ("meta.json", b"[1]", "does not contain a table"),
    ("meta.json", b"{}", r"does not name a language \(lang\)"),
    ("meta.json", GONE, "is missing"),
    ("vocab/strings.json", b"", "is empty"),
    ("vocab/strings.json", CUT, JSON),
    ("vocab/strings.json", b"[1]", "does not contain a list of strings"),
    ("vocab/strings.json", GONE, "is missing"),
    ("vocab/vectors", b"", "is empty"),
    ("vocab/vectors", b"junk", ARRAY),
    ("vocab/vectors", CUT, ARRAY),
    ("vocab/vectors.cfg", b"[1]", "does not contain a table"),
    ("vocab/key2row", b"\xc1", PACKED),
    ("vocab/lookups.bin", CUT, PACKED),
    ("tokenizer", b"", "is empty"),
    ("tokenizer", CUT, PACKED),
    ("tokenizer", FOLDER, "is a folder"),
    ("tokenizer", GONE, "is missing"),
]


@pytest.mark.parametrize(("file", "content", "reason"), DAMAGES)
def test_a_damaged_file_is_named_in_our_words(tmp_path, file, content, reason):
    nlp = spacy.blank("en")
    nlp.vocab.set_vector("a", np.ones(3, dtype="float32"))
    nlp.vocab.lookups.add_table("a", {"b": "c"})
    nlp.to_disk(tmp_path / "pipeline")
    path = tmp_path / "pipeline" / file
    before = path.read_bytes()
    path.unlink()
    if content is FOLDER:
        path.mkdir()
    elif content is not GONE:
        path.write_bytes(before[:-3] if content is CUT else content)
    with pytest.raises(
        BertNerError, match=rf"pipeline is damaged: {file} {reason}.* Allowed: a pipeline written by nlp.to_disk"
    ):
        load(tmp_path / "pipeline")


def test_what_fails_for_another_reason_is_no_damage(folder):
    assert find_damage(folder) is None
