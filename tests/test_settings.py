"""Every setting is checked when the pipeline is built. What each of them does: test_prediction.py, test_model.py."""

import pytest
import spacy

from spacy_bert_ner.errors import ConfigError

BAD = [
    ("subword_labels", "last", '"first", "all"'),
    ("subword_labels", 1, '"first", "all"'),
    ("decoding", "beam", '"viterbi", "greedy"'),
    ("decoding", None, '"viterbi", "greedy"'),
    ("respect_sentences", "yes", "true, false"),
    ("respect_sentences", 1, "true, false"),
    ("overwrite", "no", "true, false"),
    ("overwrite", None, "true, false"),
    ("spans_key", "", "a name for the span group, or null for no scores"),
    ("spans_key", 3, "a name for the span group, or null for no scores"),
    ("thresholds", 0.5, "numbers from 0 to 1 by label"),
    ("thresholds", {"per": 1.5}, "numbers from 0 to 1 by label"),
    ("thresholds", {"per": -0.1}, "numbers from 0 to 1 by label"),
    ("thresholds", {"per": "high"}, "numbers from 0 to 1 by label"),
    ("thresholds", {"per": True}, "numbers from 0 to 1 by label"),
    ("model.name", "", "a folder, or a name on the Hub"),
    ("model.revision", " ", "a commit, branch or tag on the Hub, or null"),
    ("model.tag_scheme", "BIO", '"IOB1", "IOB2", "IOE1", "IOE2", "BILUO", "IOBES", "plain", or null'),
    ("model.window", 2, "a whole number from 3, or null"),
    ("model.window", True, "a whole number from 3, or null"),
    ("model.overlap", -1, "a whole number from 0"),
    ("model.overlap", None, "a whole number from 0"),
    ("model.overlap", 1.5, "a whole number from 0"),
    ("model.max_batch_tokens", 0, "a whole number from 1"),
    ("model.max_batch_tokens", "all", "a whole number from 1"),
    ("model.name", 7, "a folder, or a name on the Hub"),
]


@pytest.mark.parametrize(("key", "value", "allowed"), BAD)
def test_the_error_names_key_value_and_what_is_allowed(key, value, allowed):
    *section, name = key.split(".")
    config = {"model": {name: value}} if section else {name: value}
    place = ".".join(["components.bert_ner", *section])
    with pytest.raises(ConfigError) as error:
        spacy.blank("en").add_pipe("bert_ner", config=config)
    assert str(error.value).startswith(f"[{place}] {name} = {value!r} is not allowed. Allowed: {allowed}")


def test_the_name_of_the_component_is_in_the_message():
    with pytest.raises(ConfigError, match=r"\[components.second\] decoding = 'x'"):
        spacy.blank("en").add_pipe("bert_ner", name="second", config={"decoding": "x"})


def test_thresholds_need_scores():
    with pytest.raises(ConfigError, match="thresholds = {'per': 0.5} .*Allowed: none while spans_key = null"):
        spacy.blank("en").add_pipe("bert_ner", config={"spans_key": None, "thresholds": {"per": 0.5}})


def test_an_unknown_key_is_refused():
    with pytest.raises(ValueError, match="treshold"):
        spacy.blank("en").add_pipe("bert_ner", config={"treshold": 0.5})
