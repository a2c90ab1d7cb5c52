"""Test that tokenizers are rejected before loading if they would abort the process, exhaust memory or take years."""

import base64
import json
import shutil
import string

import pytest
from checkpoints import make_tokenizer
from tokenizers import Regex, normalizers

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.checkpoints.tokenizer_safety import check_tokenizer
from spacy_bert_ner.errors import CheckpointError
from spacy_bert_ner.tokenization.case_markers import add_case_markers


def table(content):
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(content).decode()}


def replace(content, **pattern):
    return {"type": "Replace", "pattern": pattern, "content": content}


def sequence(*parts):
    return {"type": "Sequence", "normalizers": list(parts)}


INDEX = (8).to_bytes(4, "little") + bytes(8)
NORMALIZERS = {
    # The tokenizers library allocates this size. If there is not enough memory, the process ends with signal 6.
    "a table with an index of 4 GiB": (
        table(b"\xff" * 12),
        "of 4294967295 bytes",
    ),
    "a table that is none": ({"type": "Precompiled", "precompiled_charsmap": "~"}, "is not base64"),
    "an empty table": (table(b""), "an index of 0 bytes, but contains only 0"),
    "a table that puts 1 MB for a letter": (
        table(INDEX + b"b" * 10**6 + b"\0"),
        "replaces a character with 1000000 bytes",
    ),
    "1 MB for a letter": (replace("b" * 10**6, String="a"), r"into up to 1e\+06 characters\. Allowed: up to 1000"),
    "1 MB for a match": (replace("b" * 10**6, Regex="a"), r"up to 1e\+06 characters"),
    "1 MB before all": ({"type": "Prepend", "prepend": "b" * 10**6}, r"up to 1e\+06 characters"),
    "doubled 30 times": (sequence(*[replace("aa", String="a")] * 30), "up to 1024 characters"),
    "doubled 30 times, nested": (sequence(sequence(*[replace("aa", Regex="a")] * 30)), "up to 1024 characters"),
    "two letters doubled": (sequence(*[replace("abab", String="ab")] * 30), "up to [0-9]+ characters"),
    "put in between": (sequence(*[replace("x", Regex="(?=.)")] * 30), "up to 1024 characters"),
    "one letter by way of another": (
        sequence(*[replace("bb", String="a"), replace("aa", String="b")] * 15),
        "up to 1024 characters",
    ),
    "marks of one letter, again and again": (
        sequence(*[replace(" ⇧ A", Regex=r"(?<![\p{L}\p{N}\p{M}])A")] * 30),
        "up to [0-9]+ characters",
    ),
}


@pytest.mark.parametrize("kind", NORMALIZERS)
def test_a_normalizer_that_does_harm_is_refused(kind):
    normalizer, message = NORMALIZERS[kind]
    with pytest.raises(
        CheckpointError, match=rf"tokenizer of .* 'name' cannot .* safely. In tokenizer.json, .*{message}"
    ):
        check_tokenizer("name", "tokenizer.json", {"normalizer": normalizer})


def test_words_without_end_are_refused():
    with pytest.raises(CheckpointError, match=r"max_input_chars_per_word = 1000000000\. Allowed: up to 1000"):
        check_tokenizer("name", "tokenizer.json", {"model": {"type": "WordPiece", "max_input_chars_per_word": 10**9}})


def test_it_is_refused_before_it_is_opened(tagger, tmp_path):
    folder = shutil.copytree(tagger, tmp_path / "checkpoint")
    content = json.loads((folder / "tokenizer.json").read_text())
    # Each version of transformers can have a separate file.
    (folder / "tokenizer.4.0.0.json").write_text(json.dumps(content | {"normalizer": table(b"\xff" * 12)}))
    with pytest.raises(CheckpointError, match=r"In tokenizer\.4\.0\.0\.json, precompiled_charsmap declares an index"):
        Checkpoint.from_pretrained(folder)


@pytest.mark.parametrize("content", [None, [], {}, {"normalizer": 1, "model": 1}, {"normalizer": {"normalizers": 1}}])
def test_what_is_no_tokenizer_is_told_by_who_opens_it(content):
    check_tokenizer("name", "tokenizer.json", content)


PUNCTUATION = [normalizers.Replace(*pair) for pair in [("…", "..."), ("’", "'"), ("–", "-"), ("ﬁ", "fi"), ("½", "1/2")]]
REAL = {
    "of SentencePiece": [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")],
    "of CLIP": [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()],
    "of punctuation": PUNCTUATION * 3,
    "of Llama": [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")],
    "of ALBERT": [normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD()],
}


@pytest.mark.parametrize("kind", REAL)
def test_normalizers_as_they_are_used_are_allowed(kind):
    backend = make_tokenizer().backend_tokenizer
    backend.normalizer = normalizers.Sequence(REAL[kind])
    check_tokenizer("name", "tokenizer.json", json.loads(backend.to_str()))


def test_marks_for_capital_letters_are_allowed():
    backend = make_tokenizer().backend_tokenizer
    assert add_case_markers(backend)
    content = json.loads(backend.to_str())
    assert [rule["type"] for rule in content["normalizer"]["normalizers"]] == [
        "NFD",
        "Replace",
        "Replace",
        "BertNormalizer",
    ]
    check_tokenizer("name", "tokenizer.json", content)


def test_separate_marks_of_earlier_tokenizers_are_allowed():
    """Test a normalizer that version 0.1.0 wrote, with one rule for each letter."""
    start = r"(?<![\p{L}\p{N}\p{M}])"
    letters = [replace(f" ⇧ {letter}", Regex=f"{start}{letter}") for letter in string.ascii_uppercase]
    capitals = replace("⇪ ", Regex=r"⇧ (?=(?:\p{Lu}\p{M}*){2,}(?![\p{L}\p{M}]))")
    rules = [{"type": "NFD"}, *letters, capitals, {"type": "BertNormalizer", "lowercase": True}]
    check_tokenizer("name", "tokenizer.json", {"normalizer": sequence(*rules)})
