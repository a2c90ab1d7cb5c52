"""Test that a Doc's entities and scores do not depend on other Docs, and that unusual text causes no errors."""

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("few_exceptions")]

WORDS = ["Kevin", "Durant", "lives", "in", "New", "York", ".", "U.N.", "hour-long", "Mr.", "O'Neill", "$3.5bn", "São"]
ODD = {
    "nothing": "",
    "a space": " ",
    "line breaks": "\n \r\n\t",
    "NUL": "\x00",
    "a control character": "\x07",
    "next line": "\u0085",
    "a soft hyphen": "new\u00adyork",
    "zero-width joiner": "\u200d",
    "zero-width space": "a\u200bb",
    "byte order mark": "\ufeff",
    "combining marks": "e\u0301\u0301\u0327",
    "a combining mark alone": "\u0301",
    "emoji": "😀👩‍🚀🏳️‍🌈",
    "Arabic": "يعيش في نيويورك",
    "Hebrew with a mark": "\u200fניו יורק",
    "override of direction": "\u202egnikcah\u202c",
    "Hindi": "नई दिल्ली",
    "Japanese": "東京都に住む",
    "outside the plane": "𝕂𝕖𝕧𝕚𝕟",
    "private use": "\ue000\uf8ff",
    "not a character": "\uffff",
    "replacement": "\ufffd",
    "specials of tokenizers": "[SEP] </s> <pad> [MASK]",
}
texts = st.one_of(
    st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join),
    st.sampled_from(list(ODD.values())),
    st.text(max_size=20),
)


def make_nlp(folder, **model):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(folder), "overlap": 8, **model}})
    return nlp


@pytest.fixture(scope="module", params=["bert", "roberta", "xlm-roberta"])
def nlp(request, checkpoints):
    return make_nlp(checkpoints[request.param])


def found(doc):
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents], doc.spans["bert_ner"].attrs["scores"]


def assert_same(one, other):
    assert one[0] == other[0]
    np.testing.assert_allclose(one[1], other[1], atol=1e-4)


@given(data=st.data(), batch=st.lists(texts, min_size=1, max_size=6), max_batch_tokens=st.integers(64, 500))
def test_a_doc_gets_the_same_alone_in_any_batch_in_any_order(nlp, data, batch, max_batch_tokens):
    order = data.draw(st.permutations(range(len(batch))))
    size = data.draw(st.integers(1, len(batch)))
    alone = [found(nlp(text)) for text in batch]
    model, before = nlp.get_pipe("bert_ner").model, 2048
    model.attrs["max_batch_tokens"] = max_batch_tokens
    try:
        together = list(nlp.pipe([batch[i] for i in order], batch_size=size))
    finally:
        model.attrs["max_batch_tokens"] = before
    for i, doc in zip(order, together, strict=True):
        assert_same(found(doc), alone[i])


def test_a_long_doc_gets_the_same_with_any_budget(nlp):
    text = " ".join(WORDS * 30)
    whole = found(nlp(text))
    assert len(whole[0]) > 10
    model = nlp.get_pipe("bert_ner").model
    for max_batch_tokens in (64, 100, 10_000):
        model.attrs["max_batch_tokens"] = max_batch_tokens
        assert_same(found(nlp(text)), whole)
    model.attrs["max_batch_tokens"] = 2048


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd_text_shifts_nothing(nlp, odd):
    # Surround the unusual text with other sentences. Every visible token with a subword must keep its own rows.
    text = f"Kevin Durant lives in New York . {odd} Mr. O'Neill lives in New York ."
    doc = nlp(text)
    assert doc.text == text
    pipe = nlp.get_pipe("bert_ner")
    rows = pipe.model.predict([doc])[0]
    assert len(rows.lengths) == len(doc)
    checkpoint = pipe.model.shims[0].checkpoint
    _, offsets, markers = checkpoint.tokenize([text])[0]
    # If a space is a separate subword, it comes before the subwords of its token.
    n_markers = {int(offsets[i + 1, 0]): 1 for i in markers.tolist() if offsets[i, 1] <= offsets[i + 1, 0]}
    for token, n in zip(doc, rows.lengths.tolist(), strict=True):
        begins = [s for s, e in offsets.tolist() if s < e and token.idx <= s < token.idx + len(token)]
        if token.text in WORDS:
            assert n == len(begins) + n_markers.get(token.idx, 0) >= 1
    for ent in doc.ents:
        assert not ent[0].is_space
        assert not ent[-1].is_space
        assert rows.lengths[ent.start] > 0
        assert rows.lengths[ent.end - 1] > 0 or rows.is_joined[ent.end - 1]


@given(text=st.text(max_size=60))
def test_any_text_that_spacy_admits_is_read(nlp, text):
    doc = nlp(text)
    assert doc.text == text
    assert all(not ent[0].is_space and not ent[-1].is_space for ent in doc.ents)


def test_spacy_itself_admits_no_lone_surrogates(nlp):
    with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
        nlp("Kevin \ud83d Durant")


def test_text_that_the_tokenizer_deletes_altogether(checkpoints):
    nlp = make_nlp(checkpoints["bert"])
    doc = nlp("\x07\u200d\x00")
    assert nlp.get_pipe("bert_ner").model.predict([doc])[0].lengths.tolist() == [0] * len(doc)
    assert doc.ents == ()


def test_one_giant_token_does_not_disturb_its_neighbours(checkpoints):
    nlp = make_nlp(checkpoints["bert"])
    giant = "a-" * 2500  # 5,000 subwords in 160 windows
    before, after = ["Kevin", "Durant", "lives", "in", "New", "York", "."], ["Mr.", "O'Neill", "lives", "in", "York"]
    model = nlp.get_pipe("bert_ner").model
    whole = model.predict([Doc(nlp.vocab, words=[*before, giant, *after])])[0]
    assert int(whole.lengths[len(before)]) == 5000
    alone = [model.predict([Doc(nlp.vocab, words=words)])[0] for words in (before, after)]
    edge = int(whole.lengths[: len(before)].sum())
    np.testing.assert_allclose(whole.dataXd[:edge], alone[0].dataXd, atol=1e-4)
    np.testing.assert_allclose(whole.dataXd[edge + 5000 :], alone[1].dataXd, atol=1e-4)


@pytest.mark.parametrize("packed_weights", [True, False])
def test_memory_is_bounded_by_the_budget_not_by_the_doc(checkpoints, packed_weights):
    # The budget has room for two windows with 64 subwords, or for three with 62, without special subwords.
    runtime = {"@misc": "spacy_bert_ner.TorchRuntime.v1", "packed_weights": packed_weights}
    nlp = make_nlp(checkpoints["bert"], max_batch_tokens=190, runtime=runtime)
    sizes = []
    nlp("Kevin")
    embeddings = nlp.get_pipe("bert_ner").model.shims[0].checkpoint.model.bert.embeddings
    embeddings.register_forward_hook(lambda *args: sizes.append(args[2].shape[0] * args[2].shape[1]))
    nlp(" ".join(WORDS * 100))
    assert len(sizes) > 20
    assert max(sizes) <= 190
