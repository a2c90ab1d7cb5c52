"""Test that the examples in docstrings give the results they show."""

import doctest
from importlib import import_module

import pytest

MODULES = (
    "corpus.detokenize",
    "corpus.splitting.random_split",
    "decoding.label_rules",
    "decoding.tag_scheme",
    "tokenization.batching",
)


@pytest.mark.parametrize("module", MODULES)
def test_examples_give_what_they_show(module):
    done = doctest.testmod(import_module(f"spacy_bert_ner.{module}"))
    assert done.attempted > 0
    assert done.failed == 0
