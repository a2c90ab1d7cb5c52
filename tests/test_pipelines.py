"""Saved pipelines of all kinds, opened."""

import pytest
import spacy

from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.pipelines import load


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
    with pytest.raises(BertNerError, match=rf"is no pipeline that spaCy opens. {reason}.* Allowed: the folder"):
        load(folder)


def test_code_of_a_package_that_fails_says_why(folder, monkeypatch):
    (folder / "__init__.py").write_text("import nobody_has_this\ndef load(**_): pass")
    monkeypatch.syspath_prepend(folder.parent)
    monkeypatch.setattr("spacy.util.is_package", lambda name: name == "pipeline")
    with pytest.raises(BertNerError, match="ModuleNotFoundError: No module named 'nobody_has_this'. Allowed"):
        load("pipeline")
