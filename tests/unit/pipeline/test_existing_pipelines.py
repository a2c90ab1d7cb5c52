"""Test the recipes for putting `bert_ner` into a pipeline that already has a component `ner`."""

import re

import pytest
import spacy
from spacy.training import Example
from spacy.util import fix_random_seed
from support import ROOT
from thinc.api import Adam

pytestmark = pytest.mark.usefixtures("few_exceptions")

TEXT = "Kevin Durant plays for the Brooklyn Nets."
PAGE = (ROOT / "docs" / "component.md").read_text(encoding="utf8")
SECTION = PAGE.split("## In an existing pipeline")[1].split("\n## ")[0]
BLOCKS = re.findall(r"^```py\n(.*?)^```", SECTION, flags=re.DOTALL | re.MULTILINE)


def fitted(nlp, *entities):
    """Train a pipeline until it finds these entities in the text."""
    fix_random_seed(0)
    example = Example.from_dict(nlp.make_doc(TEXT), {"entities": entities})
    nlp.initialize(lambda: [example])
    optimizer = Adam(0.01, use_averages=False)
    for _ in range(60):
        nlp.update([example], sgd=optimizer, drop=0.0)
    assert found(nlp) == [(TEXT[start:end], label) for start, end, label in entities]
    return nlp


def found(nlp):
    return [(ent.text, ent.label_) for ent in nlp(TEXT).ents]


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    """Return the folder of a pipeline whose `ner` finds both names."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    tok2vec = {"@architectures": "spacy.HashEmbedCNN.v2", "width": 32, "depth": 1, "embed_size": 200, "window_size": 1}
    tok2vec |= {"maxout_pieces": 2, "subword_features": False, "pretrained_vectors": None}
    nlp.add_pipe("ner", config={"model": {"tok2vec": tok2vec}})
    folder = tmp_path_factory.mktemp("core")
    fitted(nlp, (0, 12, "PERSON"), (27, 40, "ORG")).to_disk(folder)
    return folder


@pytest.fixture(scope="module")
def trained(encoder, tmp_path_factory):
    """Return the folder of a pipeline whose `bert_ner` finds one of the names, with another label."""
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(encoder), "overlap": 8}})
    folder = tmp_path_factory.mktemp("trained")
    fitted(nlp, (27, 40, "org")).to_disk(folder)
    return folder


@pytest.fixture
def checkpoint(trained):
    return str(trained / "bert_ner" / "model")


def run(block, core, trained):
    """Run an example of the page with these pipelines in place of those that it names."""
    checkpoint = trained / "bert_ner" / "model"
    for name, path in (("en_core_web_sm", core), ("dslim/bert-base-NER", checkpoint), ("training/model-best", trained)):
        block = block.replace(f'"{name}"', repr(str(path)))
    names = {}
    exec(block, names)
    return names["nlp"]


def test_the_recipe_for_both(core, trained):
    nlp = run(BLOCKS[0], core, trained)
    assert nlp.pipe_names == ["sentencizer", "ner", "bert_ner"]
    assert found(nlp) == [("Kevin Durant", "PERSON"), ("Brooklyn Nets", "ORG")]


def test_the_recipe_in_place_of_ner(core, trained):
    nlp = run(BLOCKS[1], core, trained)
    assert nlp.pipe_names == ["sentencizer", "bert_ner"]
    assert found(nlp) == [("Brooklyn Nets", "org")]


def test_the_recipe_for_a_component_of_another_pipeline(core, trained, tmp_path):
    nlp = run(BLOCKS[2], core, trained)
    assert nlp.pipe_names == ["sentencizer", "bert_ner"]
    assert found(nlp) == [("Brooklyn Nets", "org")]
    nlp.to_disk(tmp_path)
    assert found(spacy.load(tmp_path)) == [("Brooklyn Nets", "org")]


def test_the_order_and_overwrite_decide_between_overlapping_entities(core, checkpoint):
    after = spacy.load(core)
    after.add_pipe("bert_ner", config={"model": checkpoint})
    assert found(after) == [("Kevin Durant", "PERSON"), ("Brooklyn Nets", "ORG")]
    over = spacy.load(core)
    over.add_pipe("bert_ner", config={"model": checkpoint, "overwrite": True})
    assert found(over) == [("Brooklyn Nets", "org")]
    before = spacy.load(core)
    before.add_pipe("bert_ner", config={"model": checkpoint}, before="ner")
    assert found(before) == [("Kevin Durant", "PERSON"), ("Brooklyn Nets", "org")]


def test_labels_get_the_names_of_the_other_component(core, checkpoint):
    nlp = spacy.load(core)
    nlp.add_pipe("bert_ner", config={"model": checkpoint, "label_map": {"org": "TEAM"}}, before="ner")
    assert found(nlp) == [("Kevin Durant", "PERSON"), ("Brooklyn Nets", "TEAM")]


def test_ner_is_replaced_in_its_place(core, checkpoint, tmp_path):
    nlp = spacy.load(core)
    nlp.replace_pipe("ner", "bert_ner", config={"model": checkpoint})
    assert nlp.pipe_names == ["sentencizer", "ner"]
    assert found(nlp) == [("Brooklyn Nets", "org")]
    nlp.to_disk(tmp_path)
    assert found(spacy.load(tmp_path)) == [("Brooklyn Nets", "org")]
