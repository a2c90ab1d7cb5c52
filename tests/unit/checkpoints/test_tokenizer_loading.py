"""Test tokenizers that panic. The tokenizers library then raises an error that is not an `Exception`."""

import base64
import json
import shutil

import pytest
import spacy

from spacy_bert_ner.annotate.text_annotator import TextAnnotator
from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.checkpoints.loading import is_panic, translate_load_errors
from spacy_bert_ner.errors import BertNerError, CheckpointError

ENDLESS = {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False}
"""Backtracks 2ⁿ times in a word with n times `a` and another character."""
GOOD, BAD = "Kevin Durant lives in New York .", "a" * 40 + "b"


@pytest.fixture
def copy(tagger, tmp_path):
    return shutil.copytree(tagger, tmp_path / "checkpoint")


PREFIX = {"continuing_subword_prefix": "####"}


def with_part(folder, **parts):
    """Replace parts of a tokenizer."""
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | parts))
    # Otherwise, transformers creates a new normalizer from its own settings.
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"tokenizer_class": "PreTrainedTokenizerFast"}))
    return folder


def charsmap(content):
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(content).decode()}


def trie(n, *units, text=b"abc\0"):
    return charsmap(n.to_bytes(4, "little") + b"".join(unit.to_bytes(4, "little") for unit in units) + text)


@pytest.mark.parametrize(
    "parts",
    [
        {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": ["a b"]}},
        {
            "model": {
                "type": "BPE",
                "vocab": {"a": 0, "##a": 1, "aa": 2},
                "merges": ["a ##a"],
                "continuing_subword_prefix": "####",
            }
        },
        {"normalizer": trie(8, 0x01020304, 0x05060708)},
        {"pre_tokenizer": {"type": "FixedLength", "length": 0}},
    ],
    ids=["merges", "prefix", "trie", "length"],
)
def test_a_panic_on_opening_is_our_error(copy, parts):
    with pytest.raises(CheckpointError, match="has no tokenizer that can be loaded"):
        Checkpoint.from_pretrained(with_part(copy, **parts))


@pytest.fixture
def nlp(copy):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(with_part(copy, pre_tokenizer=ENDLESS))}})
    return nlp


def test_a_panic_on_a_text_is_our_error(nlp):
    nlp(GOOD)
    with pytest.raises(BertNerError, match=r"^The tokenizer of '.*' failed on a text: PanicException: .*retry-limit"):
        nlp(BAD)
    nlp(GOOD)


def test_the_error_handler_gets_the_document_that_panics(nlp):
    failed = []
    nlp.set_error_handler(lambda name, proc, docs, e: failed.append(([doc.text for doc in docs], type(e))))
    assert [doc.text for doc in nlp.pipe([GOOD, BAD, GOOD])] == [GOOD, GOOD]
    assert failed == [([BAD], BertNerError)]


def test_annotate_goes_on(nlp):
    docs, reasons = TextAnnotator(nlp).annotate([GOOD, BAD, GOOD])
    assert sorted(docs) == [0, 2]
    assert "failed on a text" in reasons[1]


def test_what_ends_a_process_is_no_panic():
    for error in (KeyboardInterrupt, SystemExit):
        assert not is_panic(error())
        with pytest.raises(error), translate_load_errors("name", "{reason}"):
            raise error
