"""Test that the component computes the same as plain transformers, for every kind of encoder.

Expected results are computed only from the tokenizer's offsets and with torch. They use none of the package's
arithmetic.
"""

from __future__ import annotations

import numpy as np
import pytest
import spacy
import torch
from checkpoints import ARCHITECTURES, POSITIONS, TAGS
from spacy.tokens import Doc
from spacy.training import Example
from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

from spacy_bert_ner.models.token_classifier import get_checkpoint

pytestmark = [pytest.mark.parity, pytest.mark.usefixtures("few_exceptions")]

NEWS = [
    "The U.N. held hour-long talks with Mr. O'Neill, officials said.",
    'Oil rose to $3.5bn -- a "record"; Tehran (Iran) won\'t comment.',
    "São Paulo's mayor met Angela Merkel's aides at 10 a.m. on Oct. 7.",
    "U.S.-led forces left the al-Anbar province, 110km west of Baghdad.",
    "The e-mail said: can't, gonna, I'd've... and/or 50%!",
]

TWEETS = [
    "RT @nobody_1: the #weekend in Zürich  was   THE best!!! :-)",
    " @user watch https://t.co/aB3?x=1&y=2 #nyc ... lol",
    "dunno 😂😂 im in london❤️ rn,u?",
    "on board 👩‍🚀 of the ISS",
    "नई दिल्ली is hot",
    "to القاهرة via 東京です .",
    "cafe\u0301 ﬁve\u00a0½ zero\u200bwidth soft\u00adhyphen",
    "line\nbreaks\r\n\tand tabs ",
    "[SEP] and </s> or <pad> [UNK] <mask>",
    "\ufeffbyte\ufffd order \x07 mark",
]

# Words with letters only and single spaces between them. Every tokenizer either knows such a word or splits it into
# pieces marked as continuations. Only for these does the transformers pipeline, which knows no tokens, have the same
# words as spaCy.
PLAIN = [
    "Kevin Durant plays for the Brooklyn Nets and lives in the city of York",
    "officials said on Tuesday the United Nations would go to the north of the country",
    "the best talks in New York held the country and the north would see the city",
]

LABELLED = [
    (
        ["Kevin", "Durant", "lives", "in", "New", "York", "."],
        ["B-per", "I-per", "O", "O", "B-geo", "I-geo", "O"],
    ),
    (
        ["Mr.", "O'Neill", "'s", "hour", "-", "long", "visit", "to", "São", "Paulo", "ended", ",", "he", "said", "."],
        ["B-per", "I-per", "O", "O", "O", "O", "O", "O", "B-geo", "I-geo", "O", "O", "O", "O", "O"],
    ),
    # "" marks a token without annotation.
    (["Zürich", "and", "नई", "दिल्ली", "😂", "!"], ["B-geo", "O", "", "", "O", ""]),
    (["Nobody", "knows", "."], ["", "", ""]),
]


@pytest.fixture(scope="module", params=ARCHITECTURES)
def folder(request, checkpoints):
    return checkpoints[request.param]


@pytest.fixture(scope="module")
def plain(folder):
    """Return the tokenizer and the model as loaded by transformers."""
    return AutoTokenizer.from_pretrained(folder), AutoModelForTokenClassification.from_pretrained(folder).eval()


@pytest.fixture(scope="module")
def nlp(folder):
    nlp = spacy.blank("en")
    nlp.add_pipe("bert_ner", config={"model": {"name": str(folder), "overlap": 8}})
    return nlp


def by_hand(plain, text):
    """Return the offsets, the words and the logits for all subwords, including special subwords."""
    tokenizer, model = plain
    encoded = tokenizer(text, return_offsets_mapping=True, return_tensors="pt")
    words = encoded.word_ids()
    offsets = encoded.pop("offset_mapping")[0].tolist()
    assert len(offsets) <= POSITIONS
    with torch.no_grad():
        return offsets, words, model(**encoded).logits[0].numpy()


def subwords_of_tokens(doc, offsets, words):
    """Return the subwords for each token. A subword belongs to the token with its first visible character.

    If a space is the first subword of a word according to the tokenizer, it belongs to the same token as the next
    subword.
    """
    token_at = {i: token.i for token in doc if not token.is_space for i in range(token.idx, token.idx + len(token))}
    subwords = [[] for _ in doc]
    owner = None
    for number in reversed(range(len(offsets))):
        visible = [token_at[i] for i in range(*offsets[number]) if i in token_at]
        if visible:
            owner = visible[0]
        elif owner is None or words[number] in (None, words[number - 1]) or words[number] != words[number + 1]:
            owner = None  # a special subword, which has no characters, or white space that does not begin a word
        if owner is not None:
            subwords[owner].insert(0, number)
        if not visible:
            owner = None
    return subwords


def first_logits(rows):
    """Return the indices of all tokens with rows, and the first row for each."""
    tokens = np.flatnonzero(rows.lengths)
    return tokens.tolist(), rows.dataXd[(np.cumsum(rows.lengths) - rows.lengths)[tokens]]


def assert_same_logits(doc, rows, plain):
    *subwords, logits = by_hand(plain, doc.text)
    firsts = {token: own[0] for token, own in enumerate(subwords_of_tokens(doc, *subwords)) if own}
    tokens, found = first_logits(rows)
    expected = logits[list(firsts.values())]
    assert tokens == list(firsts)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)
    assert found.argmax(axis=1).tolist() == expected.argmax(axis=1).tolist()


@pytest.mark.parametrize("text", NEWS + TWEETS)
def test_every_token_gets_the_logits_of_its_first_subword(nlp, plain, text):
    doc = nlp.make_doc(text)
    assert_same_logits(doc, nlp.get_pipe("bert_ner").model.predict([doc])[0], plain)


def test_a_batch_changes_no_logits(nlp, plain):
    docs = [nlp.make_doc(text) for text in NEWS + TWEETS]
    for doc, rows in zip(docs, nlp.get_pipe("bert_ner").model.predict(docs), strict=True):
        assert_same_logits(doc, rows, plain)


def test_a_long_text_is_cut_into_windows_that_fill_all_positions(nlp):
    pipe = nlp.get_pipe("bert_ner")
    rows = pipe.model.predict([nlp.make_doc(" ".join(NEWS * 2))])[0]
    assert get_checkpoint(pipe.model).max_window == POSITIONS
    assert len(rows.dataXd) > 2 * POSITIONS
    assert (rows.lengths.astype(bool) != rows.is_joined).all()


def test_a_saved_pipeline_is_read_back_the_same(nlp, tmp_path):
    docs = [nlp.make_doc(text) for text in NEWS + TWEETS]
    before = nlp.get_pipe("bert_ner").model.predict(docs)
    nlp.to_disk(tmp_path)
    for rows, again in zip(before, spacy.load(tmp_path).get_pipe("bert_ner").model.predict(docs), strict=True):
        assert rows.lengths.tolist() == again.lengths.tolist()
        np.testing.assert_array_equal(rows.dataXd, again.dataXd)


@pytest.mark.filterwarnings("ignore:Tokenizer does not support real words:UserWarning")
@pytest.mark.parametrize("text", PLAIN)
def test_entities_are_those_of_the_pipeline_of_transformers(folder, text):
    nlp = spacy.blank("en")
    # The transformers pipeline uses each word's best tag. A tag that continues no entity starts a new one.
    nlp.add_pipe("bert_ner", config={"decoding": "greedy", "model": {"name": str(folder), "overlap": 8}})
    doc = nlp(text)
    assert [token.text for token in doc] == text.split(" ")
    tokens, logits = first_logits(nlp.get_pipe("bert_ner").model.predict([doc])[0])
    assert tokens == list(range(len(doc)))
    expected = pipeline("token-classification", model=str(folder), aggregation_strategy="first", device="cpu")(text)
    assert len(doc.ents) > 3
    assert [(ent.label_, ent.text) for ent in doc.ents] == [
        # With some tokenizers, offsets include the space before a word.
        (entity["entity_group"], text[entity["start"] : entity["end"]].lstrip())
        for entity in expected
    ]
    # An entity's score is the mean of its words' highest probabilities.
    highest = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)).max(axis=1)
    means = [highest[ent.start : ent.end].mean() for ent in doc.ents]
    np.testing.assert_allclose([entity["score"] for entity in expected], means, rtol=0, atol=1e-4)


@pytest.mark.parametrize("subword_labels", ["first", "all"])
def test_loss_and_gradients_are_those_of_torch(folder, subword_labels):
    nlp = spacy.blank("en")
    config = {"subword_labels": subword_labels, "model": {"name": str(folder), "overlap": 8}}
    pipe = nlp.add_pipe("bert_ner", config=config)
    examples = [
        Example(Doc(nlp.vocab, words=words), Doc(nlp.vocab, words=words, ents=tags)) for words, tags in LABELLED
    ]
    losses = pipe.update(examples, drop=0.0)

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForTokenClassification.from_pretrained(folder).eval()
    docs = [eg.reference for eg in examples]
    encoded = tokenizer([doc.text for doc in docs], padding=True, return_offsets_mapping=True, return_tensors="pt")
    words = [encoded.word_ids(row) for row in range(len(docs))]
    offsets = encoded.pop("offset_mapping").tolist()
    labels = torch.full(encoded["input_ids"].shape, -100)
    for row, (_, tags) in enumerate(LABELLED):
        for tag, subwords in zip(tags, subwords_of_tokens(docs[row], offsets[row], words[row]), strict=True):
            if tag and subwords:
                labels[row, subwords if subword_labels == "all" else subwords[:1]] = TAGS.index(tag)
    expected = model(**encoded, labels=labels).loss
    expected.backward()

    np.testing.assert_allclose(losses["bert_ner"], expected.item(), rtol=1e-5)
    trained = dict(get_checkpoint(pipe.model).model.named_parameters())
    assert trained.keys() == dict(model.named_parameters()).keys()
    for name, param in model.named_parameters():
        assert (trained[name].grad is None) == (param.grad is None), name
        if param.grad is not None:
            found, wanted = trained[name].grad.to_dense().numpy(), param.grad.numpy()
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5, err_msg=name)
