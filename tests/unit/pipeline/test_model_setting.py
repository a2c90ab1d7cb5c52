"""Test that `model` may be the name of a checkpoint, and what happens to the names of other things."""

import re

import pytest
import spacy
from spacy.cli._util import app as spacy_app
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.training.loop import train
from spacy.util import load_config, load_config_from_str, load_model_from_config
from thinc.api import Config
from typer.testing import CliRunner

from spacy_bert_ner.cli import app as bert_ner_app
from spacy_bert_ner.errors import BertNerError, CheckpointError, ConfigError

pytestmark = pytest.mark.usefixtures("few_exceptions")

TEXT = "Kevin Durant lives in New York."

SECTION = {
    "@architectures": "spacy_bert_ner.TokenClassifier.v1",
    "revision": None,
    "tag_scheme": None,
    "tag_map": None,
    "window": None,
    "overlap": 32,
    "cut_at": "sentences",
    "get_spans": None,
    "max_batch_tokens": 2048,
    "frozen_layers": 0,
    "reset_layers": 0,
    "gradient_checkpointing": False,
    "precision": "fp32",
    "mark_case": False,
    "runtime": None,
}
"""The section of the default model without the name of the checkpoint."""

CONFIG = """
[paths]
checkpoint = "me/x"

[nlp]
lang = "en"
pipeline = ["bert_ner"]

[components]

[components.bert_ner]
factory = "bert_ner"
"""


def entities(nlp):
    return [(ent.text, ent.label_) for ent in nlp(TEXT).ents]


def make(**config):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config=config)
    return nlp


def from_text(text, **overrides):
    return load_model_from_config(load_config_from_str(CONFIG + text, overrides=overrides), auto_fill=True)


def section(nlp, name="bert_ner"):
    return nlp.config["components"][name]["model"]


@pytest.fixture(scope="module")
def expected(tagger):
    """Return the entities of a pipeline with the complete section for the tagger."""
    found = entities(make(model={**SECTION, "name": str(tagger)}))
    assert found
    return found


def test_a_string_names_the_checkpoint(tagger, expected):
    nlp = make(model=str(tagger), spans_key="names")
    assert section(nlp) == {**SECTION, "name": str(tagger)}
    assert nlp.config["components"]["bert_ner"]["spans_key"] == "names"
    assert entities(nlp) == expected


def test_a_string_in_a_config_names_the_checkpoint(tagger, expected):
    nlp = from_text(f'model = "{tagger}"')
    assert section(nlp) == {**SECTION, "name": str(tagger)}
    assert entities(nlp) == expected


def test_a_variable_stays_one():
    nlp = from_text("model = ${paths.checkpoint}")
    assert section(nlp) == {**SECTION, "name": "${paths.checkpoint}"}
    assert nlp.config.interpolate()["components"]["bert_ner"]["model"]["name"] == "me/x"
    assert nlp.get_pipe("bert_ner").model.attrs["name"] == "me/x"


def test_a_variable_may_be_a_section():
    text = "model = ${components.first.model}\n[components.first]\nfactory = 'bert_ner'\n[components.first.model]\n"
    nlp = from_text(text + 'name = "me/y"\nwindow = 64')
    assert section(nlp) == "${components.first.model}"
    assert nlp.get_pipe("bert_ner").model.attrs["name"] == "me/y"
    assert nlp.get_pipe("bert_ner").model.attrs["window"] == 64


def test_the_command_line_names_a_checkpoint():
    for text in ('model = "me/y"', '[components.bert_ner.model]\nname = "me/y"\nwindow = 64', ""):
        nlp = from_text(text, **{"components.bert_ner.model": "me/z"})
        assert section(nlp) == {**SECTION, "name": "me/z"}


def test_a_saved_pipeline_has_the_section(tagger, tmp_path, expected):
    make(model=str(tagger)).to_disk(tmp_path)
    saved = Config().from_disk(tmp_path / "config.cfg")
    assert saved["components"]["bert_ner"]["model"] == {**SECTION, "name": str(tagger)}
    loaded = spacy.load(tmp_path, config={"components.bert_ner.model.max_batch_tokens": 512})
    assert section(loaded) == {**SECTION, "name": str(tagger), "max_batch_tokens": 512}
    assert entities(loaded) == expected


def test_a_saved_config_may_have_a_string(tagger, tmp_path, expected):
    make(model=str(tagger)).to_disk(tmp_path)
    config = Config().from_disk(tmp_path / "config.cfg")
    config["components"]["bert_ner"]["model"] = "no/such-checkpoint"  # the pipeline has its own
    config.to_disk(tmp_path / "config.cfg")
    assert entities(spacy.load(tmp_path)) == expected


def test_a_component_with_a_string_is_sourced_renamed_and_copied(tagger, expected):
    nlp = make(model=str(tagger))
    other = spacy.blank("en")
    other.add_pipe("bert_ner", source=nlp)
    other.rename_pipe("bert_ner", "ner")
    assert section(other, "ner") == {**SECTION, "name": str(tagger)}
    assert entities(other) == expected
    again = spacy.blank("en").from_config(other.config)
    assert section(again, "ner") == {**SECTION, "name": str(tagger)}


@pytest.fixture
def recipe(encoder, examples, tmp_path):
    """Return a config file for training that names its checkpoint by a string."""
    DocBin(docs=[eg.reference for eg in examples]).to_disk(tmp_path / "train.spacy")
    reader = '@readers = "spacy.Corpus.v1"\npath = ${paths.train}\n'
    text = f'model = "{encoder}"\n[corpora]\n[corpora.train]\n{reader}[corpora.dev]\n{reader}[training]\n'
    text = CONFIG.replace("[paths]", f'[paths]\ntrain = "{tmp_path / "train.spacy"}"') + text + "max_steps = 2\n"
    (tmp_path / "train.cfg").write_text(text)
    return tmp_path / "train.cfg"


def run(*arguments, app=spacy_app):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_fill_config_writes_the_section(recipe, encoder, tmp_path):
    run("init", "fill-config", recipe, tmp_path / "filled.cfg")
    filled = load_config(tmp_path / "filled.cfg")
    assert filled["components"]["bert_ner"]["model"] == {**SECTION, "name": str(encoder)}


def test_debug_config_takes_a_string(recipe, tmp_path):
    run("init", "fill-config", recipe, tmp_path / "filled.cfg")
    filled = load_config(tmp_path / "filled.cfg")
    filled["components"]["bert_ner"]["model"] = "me/x"
    filled.to_disk(tmp_path / "filled.cfg")
    assert "Config is valid" in run("debug", "config", tmp_path / "filled.cfg")


def test_training_takes_a_string(recipe, encoder, tmp_path):
    run("init", "fill-config", recipe, tmp_path / "filled.cfg")
    filled = load_config(tmp_path / "filled.cfg")
    filled["components"]["bert_ner"]["model"] = "${paths.checkpoint}"
    filled["paths"]["checkpoint"] = str(encoder)
    train(init_nlp(filled), tmp_path)
    trained = spacy.load(tmp_path / "model-last")
    assert trained.get_pipe("bert_ner").labels == ("geo", "org", "per")
    saved = Config().from_disk(tmp_path / "model-last" / "config.cfg", interpolate=False)
    assert saved["components"]["bert_ner"]["model"] == {**SECTION, "name": "${paths.checkpoint}"}


@pytest.mark.usefixtures("silent_on_small_dev")
def test_our_own_training_takes_a_string(recipe, tmp_path):
    run("init", "fill-config", recipe, tmp_path / "filled.cfg")
    filled = load_config(tmp_path / "filled.cfg")
    filled["components"]["bert_ner"]["model"] = filled["components"]["bert_ner"]["model"]["name"]
    filled.to_disk(tmp_path / "string.cfg")
    train_command = ("train", tmp_path / "string.cfg", "--output", tmp_path / "out", "--no-progress")
    run(*train_command, app=bert_ner_app)
    trained = spacy.load(tmp_path / "out" / "model-last")
    assert trained.get_pipe("bert_ner").labels == ("geo", "org", "per")
    assert section(trained)["max_batch_tokens"] == 2048
    run(*train_command, "--resume", app=bert_ner_app)


def test_debug_model_takes_a_string(recipe, tmp_path):
    run("init", "fill-config", recipe, tmp_path / "filled.cfg")
    override = ("--components.bert_ner.model", load_config(recipe)["components"]["bert_ner"]["model"])
    assert "model looks good" in run("debug", "model", tmp_path / "filled.cfg", "bert_ner", *override)


MODELS = (
    'a folder, a name on the Hub, as in model = "dslim/bert-base-NER", or a section with @architectures = '
    '"spacy_bert_ner.TokenClassifier.v1" or "spacy_bert_ner.SharedTokenClassifier.v1".'
)


@pytest.mark.parametrize("model", [5, None, True, ["me/x"]])
def test_what_is_no_model_is_refused(model):
    with pytest.raises(ConfigError, match=re.escape(f"[components.bert_ner] model = {model} is invalid")) as error:
        make(model=[*model] if isinstance(model, list) else model)
    assert str(error.value).endswith(MODELS)


def test_a_model_for_other_components_is_refused():
    tok2vec = {"@architectures": "spacy.HashEmbedCNN.v2", "width": 8, "depth": 1, "embed_size": 10}
    tok2vec |= {"window_size": 1, "maxout_pieces": 1, "subword_features": False, "pretrained_vectors": None}
    with pytest.raises(ConfigError, match=re.escape("[components.bert_ner] model = ")):
        make(model=tok2vec)


def test_a_name_of_white_space_is_refused():
    with pytest.raises(
        ConfigError,
        match=re.escape(
            "name = ' ' is invalid. Allowed: a folder, or the name of a repository on the Hugging Face Hub"
        ),
    ):
        make(model=" ")


NAME = (
    "[components.bert_ner] name = 'me/x' is invalid, because spaCy names a component after its section. Allowed: the "
    "name of the section, or no name. If the value is the name of a checkpoint, set model instead: "
    '[components.bert_ner] model = "me/x", or in Python: nlp.add_pipe("bert_ner", config={"model": "me/x"})'
)


@pytest.mark.filterwarnings(r"ignore:\[W119\]")
def test_a_checkpoint_is_not_the_name_of_a_component_in_a_config():
    with pytest.raises(ConfigError) as error:
        from_text('name = "me/x"')
    assert str(error.value) == NAME


@pytest.mark.filterwarnings(r"ignore:\[W119\]")
def test_the_name_of_the_component_may_stand_in_its_config():
    nlp = from_text('name = "bert_ner"')
    nlp.rename_pipe("bert_ner", "ner")
    assert "name" not in nlp.config["components"]["ner"]
    spacy.blank("en").from_config(nlp.config)


def test_spacy_takes_a_name_out_of_the_config_and_warns():
    """Test that a name cannot be missed. The component never sees it, because spaCy removes it first."""
    with pytest.warns(UserWarning, match=re.escape("[W119]") + ".*'me/x'"):
        nlp = make(name="me/x")
    assert section(nlp) == {**SECTION, "name": "dslim/bert-base-NER"}


def test_a_checkpoint_is_not_the_name_of_a_component():
    with pytest.raises(ConfigError) as error:
        spacy.blank("en").add_pipe("bert_ner", "dslim/bert-base-NER")
    line = 'To choose a checkpoint, set model: nlp.add_pipe("bert_ner", config={"model": "dslim/bert-base-NER"})'
    assert str(error.value).endswith(line)


def test_a_pipeline_is_not_a_checkpoint(tagger, tmp_path):
    folder = tmp_path / "saved"
    make(model=str(tagger)).to_disk(folder)
    with pytest.raises(CheckpointError) as error:
        make(model=str(folder))("")
    assert str(error.value) == (
        f"'{folder}' is a saved spaCy pipeline, not a checkpoint. Load the pipeline: spacy.load(\"{folder}\"). To use "
        f'only the checkpoint in it: model = "{folder}/bert_ner/model"'
    )
    with pytest.raises(CheckpointError) as error:
        make(model=str(folder / "bert_ner"))("")
    assert str(error.value) == (
        f"'{folder}/bert_ner' has no config.json, so it is not a checkpoint. To use only the checkpoint in it: model = "
        f'"{folder}/bert_ner/model"'
    )


def test_a_pipeline_without_a_checkpoint_or_with_two(tagger, tmp_path):
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(BertNerError, match=r"is a saved spaCy pipeline.*spacy\.load\(\"\S+blank\"\)\.$"):
        make(model=str(tmp_path / "blank"))("")
    nlp = make(model=str(tagger))
    nlp.add_pipe("bert_ner", "second", config={"model": str(tagger), "spans_key": "second"})
    nlp.to_disk(tmp_path / "two")
    with pytest.raises(BertNerError, match='model = "[^"]*/bert_ner/model" or model = "[^"]*/second/model"$'):
        make(model=str(tmp_path / "two"))("")
