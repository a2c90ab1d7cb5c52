"""Test that the recipes are in the package and can be found by name."""

import pytest
from support import ROOT

from spacy_bert_ner.errors import ConfigError
from spacy_bert_ner.util.recipes import recipe_names, recipe_path

NAMES = ["article", "bert_ner", "bert_ner_best", "shared_transformer"]


def test_the_recipes_of_the_package_are_those_of_the_repository():
    assert recipe_names() == NAMES == sorted(path.stem for path in ROOT.glob("configs/*.cfg"))
    for name in NAMES:
        assert recipe_path(name).parent == ROOT / "spacy_bert_ner" / "recipes"
        assert recipe_path(name).read_bytes() == (ROOT / "configs" / f"{name}.cfg").read_bytes()


def test_the_recipes_are_package_data():
    data = (ROOT / "pyproject.toml").read_text().partition("[tool.setuptools.package-data]\n")[2].partition("\n\n")[0]
    assert any(line.startswith('"spacy_bert_ner.recipes" = ["*.cfg"]') for line in data.splitlines())


@pytest.mark.parametrize("name", ["best", "bert_ner.cfg", "../configs/bert_ner", ""])
def test_other_names_are_refused(name):
    with pytest.raises(ConfigError) as caught:
        recipe_path(name)
    assert str(caught.value) == (
        f"--recipe {name} is not a recipe. Allowed: article, bert_ner, bert_ner_best, shared_transformer. For a config "
        "file, omit --recipe: python -m spacy bert-ner train CONFIG"
    )
