"""Test `spacy_bert_ner.load`, which makes a pipeline from a saved one or from a checkpoint."""

import re
from pathlib import Path

import pytest
import spacy
from support import ROOT

import spacy_bert_ner
from spacy_bert_ner.errors import BertNerError, CheckpointError, ConfigError, EncoderError
from spacy_bert_ner.models.token_classifier import has_checkpoint

pytestmark = pytest.mark.usefixtures("few_exceptions")

TEXT = "Kevin Durant lives in New York."


def entities(nlp):
    return [(ent.text, ent.label_) for ent in nlp(TEXT).ents]


@pytest.fixture(scope="module")
def expected(tagger):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(tagger)}})
    found = entities(nlp)
    assert found
    return found


@pytest.fixture
def saved(tagger, tmp_path):
    """Return the folder of a pipeline whose component has another name and another language."""
    nlp = spacy.blank("de")
    nlp.add_pipe("bert_ner", "ner", config={"model": {"name": str(tagger)}})
    nlp.to_disk(tmp_path / "saved")
    return tmp_path / "saved"


def test_the_first_example_of_the_readme_runs(tagger):
    block = re.search(r"^```py\n(.*?)^```", (ROOT / "README.md").read_text(), flags=re.DOTALL | re.MULTILINE)[1]
    names = {}
    exec(block.replace('"dslim/bert-base-NER"', repr(str(tagger))), names)
    assert names["nlp"].pipe_names == ["bert_ner"]


@pytest.mark.parametrize("kind", [str, Path])
def test_a_checkpoint_is_loaded_in_a_new_pipeline(tagger, expected, kind):
    nlp = spacy_bert_ner.load(kind(tagger))
    assert (nlp.lang, nlp.pipe_names) == ("en", ["bert_ner"])
    assert has_checkpoint(nlp.get_pipe("bert_ner").model)
    assert nlp.get_pipe("bert_ner").labels == ("geo", "per")
    assert entities(nlp) == expected


def test_the_language_is_that_of_the_new_pipeline(tagger):
    assert spacy_bert_ner.load(tagger, "de").lang == "de"
    assert spacy_bert_ner.load(tagger, lang="xx").lang == "xx"


@pytest.mark.parametrize("kind", [str, Path])
def test_a_saved_pipeline_is_loaded_as_it_is(saved, kind):
    nlp = spacy_bert_ner.load(kind(saved))
    assert (nlp.lang, nlp.pipe_names) == ("de", ["ner"])
    assert entities(nlp) == entities(spacy.load(saved))


def test_an_installed_package_is_loaded(saved, monkeypatch, tmp_path):
    package = tmp_path / "site" / "de_my_ner"
    saved.rename(tmp_path / "data")
    package.mkdir(parents=True)
    (tmp_path / "data").rename(package / "de_my_ner-1.0.0")
    (package / "meta.json").write_text((package / "de_my_ner-1.0.0" / "meta.json").read_text())
    (package / "__init__.py").write_text(
        "from pathlib import Path\nfrom spacy.util import load_model_from_init_py\n"
        "def load(**overrides):\n    return load_model_from_init_py(__file__, **overrides)\n"
    )
    meta = (package / "meta.json").read_text()
    (package / "meta.json").write_text(re.sub('"name":"[^"]*"', '"name":"my_ner"', meta).replace("0.0.0", "1.0.0"))
    info = tmp_path / "site" / "de_my_ner-1.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: de_my_ner\nVersion: 1.0.0\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    nlp = spacy_bert_ner.load("de_my_ner")
    assert (nlp.lang, nlp.pipe_names) == ("de", ["ner"])


def test_settings_are_those_of_the_component_and_of_its_model(tagger):
    nlp = spacy_bert_ner.load(tagger, overwrite=True, thresholds={"per": 0.5}, window=32, overlap=8, scorer=None)
    config = nlp.config["components"]["bert_ner"]
    assert (config["overwrite"], config["thresholds"], config["scorer"]) == (True, {"per": 0.5}, None)
    assert (config["model"]["window"], config["model"]["overlap"]) == (32, 8)
    assert config["model"]["name"] == str(tagger)


def test_a_wrong_setting_is_refused(tagger):
    with pytest.raises(
        ConfigError, match=r"^windw is not a setting of bert_ner\. Allowed: class_weights, .*, window\.$"
    ):
        spacy_bert_ner.load(tagger, windw=32)
    with pytest.raises(ConfigError, match=re.escape("[components.bert_ner] decoding = 'beam' is invalid")):
        spacy_bert_ner.load(tagger, decoding="beam")
    with pytest.raises(ConfigError, match="the labels geo, per"):
        spacy_bert_ner.load(tagger, thresholds={"org": 0.5})  # a label that the checkpoint lacks


def test_settings_of_a_saved_pipeline_are_refused(saved):
    with pytest.raises(ConfigError) as error:
        spacy_bert_ner.load(saved, window=32, overwrite=True)
    assert str(error.value) == (
        f"'{saved}' is a saved pipeline, which has its own settings, so window, overwrite cannot be set here. Allowed: "
        f"settings for a checkpoint. To change the settings of the pipeline: spacy.load('{saved}', config="
        "{'components.bert_ner.overwrite': True, 'components.bert_ner.model.window': 32})"
    )


@pytest.mark.parametrize("name", ["./no/such", "no-such-model", ""])
def test_a_wrong_name_fails_at_once(name):
    with pytest.raises(BertNerError):
        spacy_bert_ner.load(name)


def test_an_encoder_has_to_be_trained_first(encoder):
    with pytest.raises(EncoderError, match="is an encoder without a trained tag head"):
        spacy_bert_ner.load(encoder)


def test_a_folder_of_something_else(tmp_path):
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        spacy_bert_ner.load(tmp_path)


@pytest.mark.parametrize("name", [5, None, ["me/x"]])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(
        ConfigError, match="is invalid. Allowed: a folder, or the name of a repository on the Hugging Face Hub"
    ):
        spacy_bert_ner.load(name)


def test_a_damaged_pipeline_is_told(saved):
    (saved / "tokenizer").unlink()
    with pytest.raises(BertNerError, match="tokenizer is missing"):
        spacy_bert_ner.load(saved)


@pytest.mark.parametrize("lang", ["qq", 5])
def test_an_unknown_language_is_refused(tagger, lang):
    with pytest.raises(ConfigError, match=rf"cannot create a pipeline for the language {lang!r}.*such as \"en\""):
        spacy_bert_ner.load(tagger, lang)


def test_another_package_is_refused():
    with pytest.raises(BertNerError, match="spaCy cannot load thinc as a pipeline"):
        spacy_bert_ner.load("thinc")
