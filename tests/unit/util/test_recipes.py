"""Test that the recipes are in the package and can be found by name."""

import subprocess
import sys

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


@pytest.mark.process
def test_a_build_of_the_package_has_the_recipes(tmp_path):
    """Test what setuptools puts into the wheel: files, not links."""
    command = [sys.executable, "-W", "ignore", "-c", "from setuptools import setup; setup()", "-q"]
    steps = ["egg_info", "--egg-base", str(tmp_path), "build_py", "--build-lib", str(tmp_path / "lib")]
    subprocess.run([*command, *steps], cwd=ROOT, check=True)
    built = sorted((tmp_path / "lib" / "spacy_bert_ner" / "recipes").iterdir())
    assert [path.name for path in built] == [f"{name}.cfg" for name in NAMES]
    for path in built:
        assert not path.is_symlink()
        assert path.read_bytes() == (ROOT / "configs" / path.name).read_bytes()


@pytest.mark.parametrize("name", ["best", "bert_ner.cfg", "../configs/bert_ner", ""])
def test_other_names_are_refused(name):
    with pytest.raises(ConfigError) as caught:
        recipe_path(name)
    assert str(caught.value) == (
        f"--recipe {name} is unknown. Allowed: article, bert_ner, bert_ner_best, shared_transformer. To train with a "
        "config file, omit --recipe: python -m spacy bert-ner train CONFIG"
    )
