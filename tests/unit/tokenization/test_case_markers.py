"""Test case markers: the subwords of a text, saving, loading and training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import spacy
import torch
from checkpoints import LazyCheckpoints, make_tokenizer
from spacy.language import Language
from spacy.training import Example
from support import save_encoder
from tokenizers import BertWordPieceTokenizer, Tokenizer
from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.errors import ConfigError
from spacy_bert_ner.models.token_classifier import get_checkpoint
from spacy_bert_ner.tokenization import case_markers

pytestmark = pytest.mark.usefixtures("few_exceptions")

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    *"adenostuüéδд(.-",
    "usa",
    "sun",
    "nato",
    "on",
    "éa",
    "##e",
    "##s",
    "##3",
    "東",
]
WORDS += ["ete", "de", "дa", "##a", "##б"]


def marked(words: list[str] = WORDS, **options: bool) -> Tokenizer:
    vocab = {word: i for i, word in enumerate(words)}
    tokenizer: Tokenizer = BertWordPieceTokenizer(vocab=vocab, **{"lowercase": True, **options})._tokenizer
    case_markers.add_case_markers(tokenizer)
    return tokenizer


def subwords(text: str, tokenizer: Tokenizer | None = None) -> list[str]:
    tokens: list[str] = (tokenizer or marked()).encode(text, add_special_tokens=False).tokens
    return tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nato on USA", "nato ##⇧ on usa ##⇪"),
        ("NATO.", "nato ##⇪ ."),
        ("NATOs", "nato ##s ##⇧"),  # not all letters are capitals
        ("NATO3", "nato ##3 ##⇪"),
        ("NATO3s", "nato ##3 ##s ##⇪"),
        ("U.S.", "u ##⇧ . s ##⇧ ."),
        ("(On", "( on ##⇧"),
        ("on-On", "on - on ##⇧"),
        ("oN", "on"),  # the capital is not the first letter
        ("3On", "[UNK]"),  # as "3on" without markers
        ("ÉTÉ Été E\u0301te\u0301", "ete ##⇪ ete ##⇧ ete ##⇧"),
        ("ÉtÉs", "ete ##s ##⇧"),
        ("Дa", "дa ##⇧"),
        ("ДБ", "д ##б ##⇪"),
        ("On東NATO", "on ##⇧ 東 nato"),  # ideographs are words, and letters before the next word
        ("Δ", "δ"),  # no word in the vocabulary starts with it
        ("on  On\tOn\nOn", "on on ##⇧ on ##⇧ on ##⇧"),
        ("", ""),
    ],
)
def test_a_mark_ends_each_word_with_a_capital(text: str, expected: str) -> None:
    assert subwords(text) == expected.split()


def test_a_mark_covers_the_last_letter_of_its_word() -> None:
    encoding = marked().encode("on ÉTÉ.", add_special_tokens=False)
    assert encoding.offsets == [(0, 2), (3, 6), (5, 6), (6, 7)]
    assert encoding.word_ids == [0, 1, 1, 2]


def test_accents_stay_where_the_tokenizer_keeps_them() -> None:
    assert subwords("Éa Éta", marked(strip_accents=False)) == ["éa", "##⇧", "[UNK]"]


def test_markers_in_the_text_itself_are_unknown_characters() -> None:
    assert subwords("⇧ ⇪on, On on") == ["[UNK]", "[UNK]", "[UNK]", "on", "##⇧", "on"]


def test_without_capitals_nothing_changes() -> None:
    """Test that subwords are unchanged, except for the markers in text with capitals."""
    plain = BertWordPieceTokenizer(vocab={word: i for i, word in enumerate(WORDS)}, lowercase=True)._tokenizer
    for text in ["on nato-usa (été)  u.s.", "On NATO-Usa (ÉTÉ)  U.S., Ünder Дa 東京 \u200b\x00 I'm", "Ａｂ ﬁ İ ẞ"]:
        found = [token for token in subwords(text) if token not in ("##⇧", "##⇪")]
        assert found == plain.encode(text, add_special_tokens=False).tokens


@pytest.mark.parametrize("name", ["distilbert", "roberta", "xlm-roberta", "modernbert"])
def test_a_tokenizer_that_keeps_case_stays_as_it_is(checkpoints: LazyCheckpoints, name: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(checkpoints[name]).backend_tokenizer
    before = tokenizer.to_str()
    assert not case_markers.add_case_markers(tokenizer)
    assert tokenizer.to_str() == before


def test_marks_come_once() -> None:
    tokenizer = marked()
    before = tokenizer.to_str()
    assert not case_markers.add_case_markers(tokenizer)
    assert tokenizer.to_str() == before


def test_a_tokenizer_with_separate_markers_stays_as_it_is() -> None:
    """Test a tokenizer that version 0.1.0 wrote, whose markers are words."""
    tokenizer = BertWordPieceTokenizer(vocab={word: i for i, word in enumerate([*WORDS, "⇧", "⇪"])})._tokenizer
    assert not case_markers.add_case_markers(tokenizer)


@pytest.fixture
def nlp(make_nlp: Callable[..., Language], examples: list[Example]) -> Language:
    nlp = make_nlp(mark_case=True)
    nlp.initialize(lambda: examples)
    return nlp


def ids_of(nlp: Language, text: str) -> list[int]:
    ids: list[int] = get_checkpoint(nlp.get_pipe("bert_ner").model).tokenize([text])[0].ids.tolist()
    return ids


def test_marks_get_embeddings_of_their_own(nlp: Language, encoder: Path) -> None:
    rows = get_checkpoint(nlp.get_pipe("bert_ner").model).model.get_input_embeddings().weight
    n_known = len(make_tokenizer())
    assert ids_of(nlp, "Kevin in UN") == [
        *ids_of(nlp, "kevin"),
        n_known,
        *ids_of(nlp, "in un"),
        n_known + 1,
    ]
    assert rows.shape == (n_known + 2, 32)
    old = AutoModelForTokenClassification.from_pretrained(encoder).get_input_embeddings().weight
    assert torch.equal(rows[:n_known], old)
    assert not torch.allclose(rows[n_known], rows[n_known + 1], atol=0.01)


def test_rows_that_a_table_has_to_spare_are_used(tmp_path: Path) -> None:
    n_known = len(make_tokenizer())
    folder = save_encoder(tmp_path, vocab_size=n_known + 8)
    checkpoint = Checkpoint.from_pretrained(folder, labels=["per"], mark_case=True)
    assert checkpoint.tokenize(["Kevin"])[0].ids[-1] == n_known
    assert len(checkpoint.model.get_input_embeddings().weight) == checkpoint.model.config.vocab_size == n_known + 8


def test_a_saved_pipeline_marks_as_before_here_and_in_plain_transformers(nlp: Language, tmp_path: Path) -> None:
    text = "Kevin Durant (UN) lives in New York."
    expected, weights = ids_of(nlp, text), nlp.to_bytes()
    nlp.to_disk(tmp_path)
    assert ids_of(spacy.load(tmp_path), text) == expected
    assert ids_of(spacy.blank("en").from_config(nlp.config).from_bytes(weights), text) == expected
    folder = tmp_path / "bert_ner" / "model"
    plain = AutoTokenizer.from_pretrained(folder)
    assert plain(text, add_special_tokens=False)["input_ids"] == expected
    assert plain.model_max_length == 512
    logits = AutoModelForTokenClassification.from_pretrained(folder)(**plain(text, return_tensors="pt")).logits
    assert logits.shape == (1, len(expected) + 2, 7)
    # Both major versions of transformers have this class. Only version 5 has "TokenizersBackend".
    config = json.loads((folder / "tokenizer_config.json").read_text())
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"


def test_an_encoder_without_types_of_sentences_is_told_of_none(tmp_path: Path, checkpoints: LazyCheckpoints) -> None:
    """Test DistilBERT, whose tokenizers return no `token_type_ids` and whose model does not accept them."""
    folder = tmp_path / "uncased"
    shutil.copytree(checkpoints["distilbert"], folder)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "do_lower_case": True}))
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["normalizer"]["lowercase"] = True
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    checkpoint = Checkpoint.from_pretrained(folder, labels=["per", "geo"], mark_case=True)
    checkpoint.save(tmp_path / "saved")
    plain = AutoTokenizer.from_pretrained(tmp_path / "saved")
    assert plain.tokenize("Kevin") == ["kevin", "##⇧"]
    assert set(plain("Kevin")) == {"input_ids", "attention_mask"}


def test_a_trained_checkpoint_is_run_as_it_is(make_nlp: Callable[..., Language], tagger: Path) -> None:
    """Test a checkpoint that was trained without markers."""
    assert ids_of(make_nlp(name=tagger, mark_case=True), "Kevin") == ids_of(make_nlp(name=tagger), "Kevin")


def test_training_goes_on_with_the_marks_that_are_there(nlp: Language, examples: list[Example], tmp_path: Path) -> None:
    nlp.to_disk(tmp_path)
    again = spacy.blank("en")
    model = {"name": str(tmp_path / "bert_ner" / "model"), "overlap": 8, "mark_case": True}
    again.add_pipe("bert_ner", config={"model": model})
    again.initialize(lambda: examples)
    assert ids_of(again, "Kevin in UN") == ids_of(nlp, "Kevin in UN")
    rows, old = (get_checkpoint(n.get_pipe("bert_ner").model).model.get_input_embeddings().weight for n in (again, nlp))
    assert torch.equal(rows, old)


def test_what_differs_in_case_alone_can_be_told_apart(make_nlp: Callable[..., Language]) -> None:
    blank = spacy.blank("en")
    texts = [("The Nets play.", [(4, 8, "org")]), ("The nets play.", []), ("The NETS play.", [(4, 8, "cry")])]
    examples = [Example.from_dict(blank.make_doc(text), {"entities": entities}) for text, entities in texts]
    found = {}
    for mark_case in (False, True):
        nlp = make_nlp(mark_case=mark_case)
        optimizer = nlp.initialize(lambda: examples)
        optimizer.learn_rate = 0.01
        for _ in range(30):
            nlp.update(examples, sgd=optimizer, drop=0.0)
        found[mark_case] = [[ent.label_ for ent in nlp(text).ents] for text, _ in texts]
    assert found[True] == [["org"], [], ["cry"]]
    assert found[False][0] == found[False][1] == found[False][2]


def test_plain_transformers_finds_the_same_entities(make_nlp: Callable[..., Language], tmp_path: Path) -> None:
    """Test that each marker counts as part of its word, also at the start and the end of a text."""
    nlp = make_nlp(mark_case=True)
    texts = [
        ("Kevin Durant plays in New York.", [(0, 12, "per"), (22, 30, "geo")]),
        ("The Nets play the UN", [(4, 8, "org"), (18, 20, "org")]),
        ("the nets play in Paris, Brooklyn.", [(17, 22, "geo"), (24, 32, "geo")]),
    ]
    examples = [Example.from_dict(nlp.make_doc(text), {"entities": entities}) for text, entities in texts]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.01
    for _ in range(40):
        nlp.update(examples, sgd=optimizer, drop=0.0)
    nlp.to_disk(tmp_path)
    plain = pipeline("token-classification", str(tmp_path / "bert_ner" / "model"), aggregation_strategy="first")
    for text, entities in texts:
        assert [(ent.start_char, ent.end_char, ent.label_) for ent in nlp(text).ents] == entities
        assert [(found["start"], found["end"], found["entity_group"]) for found in plain(text)] == entities


@pytest.mark.parametrize("value", ["true", 1, None])
def test_other_values_are_refused(make_nlp: Callable[..., Language], value: object) -> None:
    with pytest.raises(ConfigError, match=r"mark_case = .*Allowed: true, false"):
        make_nlp(mark_case=value)
