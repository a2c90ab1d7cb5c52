"""Test that values in a config change, and that comments stay where they belong."""

import pytest
from spacy.util import Config

from spacy_bert_ner.advice.config_text import ConfigText, Reference, as_comment, as_value

TEXT = """# About this config.

[paths]
train = null

[training]
# How long.
# In steps.
max_steps = 500
steps = 3

[training.batcher]
size = 16

[last]
"""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        (True, "true"),
        (0.00025, "0.00025"),
        ("süß", '"süß"'),
        ('say "$HOME"', r'"say \"$$HOME\""'),
        ({"geo": None}, '{"geo": null}'),
        (Reference("paths.train"), "${paths.train}"),
    ],
)
def test_values_are_written_as_configs_have_them(value, expected):
    assert as_value(value) == expected


@pytest.mark.parametrize("path", ["a$b", "a#b ; c", "ä%(x)s", 'a"b', "a\\b"])
def test_any_path_is_read_back(path):
    text = ConfigText(TEXT)
    text.set("paths", "train", path)
    assert Config().from_str(str(text))["paths"]["train"] == path


def test_a_reason_takes_the_place_of_the_comments_above():
    text = ConfigText(TEXT)
    text.set("training", "max_steps", 200, "Little data.")
    assert str(text) == TEXT.replace("# How long.\n# In steps.\nmax_steps = 500", "# Little data.\nmax_steps = 200")


def test_without_a_reason_comments_stay():
    text = ConfigText(TEXT)
    text.set("training", "max_steps", 200)
    text.set("training", "steps", 4)
    assert str(text) == TEXT.replace("max_steps = 500\nsteps = 3", "max_steps = 200\nsteps = 4")


def test_a_section_and_the_head_are_replaced():
    text = ConfigText(TEXT)
    text.set_head(["Mine.", "Yours."])
    text.set_section("training.batcher", {"size": 8, "path": Reference("paths.train")}, "Other.")
    text.set_section("last", {"x": 1})
    new = TEXT.replace("# About this config.\n", "# Mine.\n# Yours.\n")
    new = new.replace("size = 16\n", "# Other.\nsize = 8\npath = ${paths.train}\n").replace(
        "[last]\n", "[last]\nx = 1\n"
    )
    assert str(text).rstrip("\n") == new.rstrip("\n")


def test_comments_fit_the_line():
    lines = as_comment("word " * 60)
    assert [len(line) <= 120 and line.startswith("# word") for line in lines] == [True, True, True]
    assert as_comment("") == []


@pytest.mark.parametrize(("section", "key"), [("path", "train"), ("paths", "dev"), ("training", "size")])
def test_what_is_not_there_is_not_added(section, key):
    with pytest.raises(KeyError):
        ConfigText(TEXT).set(section, key, 1)
