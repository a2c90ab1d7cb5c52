"""Test how `nlp.pipe` handles Docs that fail, and failures that no Doc has caused."""

import pytest
import torch
from spacy.tokens import Doc

from spacy_bert_ner.checkpoints.checkpoint import Checkpoint
from spacy_bert_ner.errors import ConfigError
from spacy_bert_ner.models.token_classifier import get_checkpoint

TEXTS = ["Kevin Durant plays.", "Bad luck.", "New York", "", "Bad and worse.", "The Brooklyn Nets"]


@pytest.fixture
def nlp(make_nlp, tagger):
    nlp = make_nlp(name=tagger)
    nlp("Kevin")
    return nlp


@pytest.fixture
def handled(nlp):
    """Return a list of the calls to the pipeline's error handler."""
    calls = []
    nlp.set_error_handler(lambda name, proc, docs, error: calls.append((name, proc, [d.text for d in docs], error)))
    return calls


@pytest.fixture
def tokenized(monkeypatch):
    """Return a list of the tokenized batches. A batch fails if it contains a text with "Bad"."""
    batches = []

    def tokenize(self, texts):
        batches.append(list(texts))
        if any("Bad" in text for text in texts):
            raise RuntimeError("cannot tokenize this")
        return real(self, texts)

    real = Checkpoint.tokenize
    monkeypatch.setattr(Checkpoint, "tokenize", tokenize)
    return batches


def test_a_doc_that_fails_does_not_take_its_batch_along(nlp, handled, tokenized):
    good = [text for text in TEXTS if "Bad" not in text]
    expected = [nlp(text).to_json() for text in good]
    for batch_size in (1, 2, 4, 6, 100):
        handled.clear()
        assert [doc.to_json() for doc in nlp.pipe(TEXTS, batch_size=batch_size)] == expected
        assert [(name, texts) for name, _, texts, _ in handled] == [
            ("bert_ner", ["Bad luck."]),
            ("bert_ner", ["Bad and worse."]),
        ]
        assert {(proc, str(error)) for _, proc, _, error in handled} == {
            (nlp.get_pipe("bert_ner"), "cannot tokenize this")
        }


def test_what_failed_is_halved_until_the_doc_is_alone(nlp, handled, tokenized):
    texts = [*"abcde", "Bad", *"fg"]
    assert [doc.text for doc in nlp.pipe(texts, batch_size=8)] == [*"abcdefg"]
    assert tokenized == [texts, texts[:4], texts[4:], texts[4:6], ["e"], ["Bad"], ["f", "g"]]


def test_only_the_batch_that_failed_is_tried_again(nlp, handled, tokenized):
    texts = ["a", "b", "Bad", "c", "d"]
    assert [doc.text for doc in nlp.pipe(texts, batch_size=2)] == ["a", "b", "c", "d"]
    assert tokenized == [["a", "b"], ["Bad", "c"], ["Bad"], ["c"], ["d"]]


def test_contexts_stay_with_their_texts(nlp, handled, tokenized):
    pairs = list(nlp.pipe(zip(TEXTS, range(6), strict=True), as_tuples=True, batch_size=4))
    assert [(doc.text, number) for doc, number in pairs] == [
        ("Kevin Durant plays.", 0),
        ("New York", 2),
        ("", 3),
        ("The Brooklyn Nets", 5),
    ]


def test_without_a_handler_the_error_is_raised_after_the_docs_before_it(nlp, tokenized):
    done = []
    with pytest.raises(RuntimeError, match="cannot tokenize this"):
        done.extend(nlp.pipe(TEXTS, batch_size=6))
    stream = nlp.pipe(TEXTS, batch_size=6)
    assert next(stream).text == "Kevin Durant plays."
    with pytest.raises(RuntimeError, match="cannot tokenize this"):
        next(stream)
    with pytest.raises(RuntimeError, match="cannot tokenize this"):
        nlp("Bad")


def test_a_batch_that_does_not_fit_in_memory_is_annotated_doc_by_doc(nlp, handled, monkeypatch):
    def tokenize(self, texts):
        if len(texts) > 1:
            raise MemoryError
        return real(self, texts)

    expected = [doc.to_json() for doc in nlp.pipe(TEXTS)]
    real = Checkpoint.tokenize
    monkeypatch.setattr(Checkpoint, "tokenize", tokenize)
    assert [doc.to_json() for doc in nlp.pipe(TEXTS)] == expected
    assert handled == []


def test_the_failed_batch_holds_no_memory_while_its_docs_are_tried(nlp, monkeypatch):
    class Activations:
        alive = 0

        def __init__(self):
            Activations.alive += 1

        def __del__(self):
            Activations.alive -= 1

    def tokenize(self, texts):
        seen.append(Activations.alive)
        large = Activations()
        if len(texts) > 1:
            raise MemoryError
        del large
        return real(self, texts)

    seen, real = [], Checkpoint.tokenize
    monkeypatch.setattr(Checkpoint, "tokenize", tokenize)
    assert len(list(nlp.pipe(TEXTS[:2]))) == 2
    assert seen == [0, 0, 0]


def test_a_failure_while_entities_are_set_is_repaired_too(nlp, handled, monkeypatch):
    expected = [doc.to_json() for doc in nlp.pipe(TEXTS)]
    pipe = nlp.get_pipe("bert_ner")
    real = pipe.set_annotations

    def set_annotations(docs, scores):
        real(docs[:2], scores[:2])
        if len(docs) > 2:
            raise RuntimeError("in the middle")

    monkeypatch.setattr(pipe, "set_annotations", set_annotations)
    assert [doc.to_json() for doc in nlp.pipe(TEXTS)] == expected
    assert handled == []


def test_a_doc_whose_entities_cannot_be_set_is_left_out(nlp, handled, monkeypatch):
    pipe = nlp.get_pipe("bert_ner")
    real = pipe.set_annotations

    def set_annotations(docs, scores):
        if any(doc.text == "New York" for doc in docs):
            raise RuntimeError("cannot set this")
        real(docs, scores)

    monkeypatch.setattr(pipe, "set_annotations", set_annotations)
    assert [doc.text for doc in nlp.pipe(TEXTS)] == [text for text in TEXTS if text != "New York"]
    assert [(name, texts, str(error)) for name, _, texts, error in handled] == [
        ("bert_ner", ["New York"], "cannot set this")
    ]


def test_a_setting_that_does_not_fit_the_checkpoint_is_reported_once_a_batch(make_nlp, tagger):
    calls = []
    nlp = make_nlp(name=tagger, config={"thresholds": {"PER": 0.5}})
    nlp.set_error_handler(lambda name, proc, docs, error: calls.append((len(docs), type(error))))
    assert list(nlp.pipe(TEXTS, batch_size=4)) == []
    assert calls == [(4, ConfigError), (2, ConfigError)]


@pytest.mark.parametrize("reason", ["no/such-checkpoint", "an encoder"])
def test_a_checkpoint_that_cannot_be_opened_is_reported_once_a_batch(make_nlp, encoder, monkeypatch, reason):
    opened, calls = [], []
    real = Checkpoint.from_pretrained
    monkeypatch.setattr(
        Checkpoint, "from_pretrained", lambda name, **options: opened.append(name) or real(name, **options)
    )
    nlp = make_nlp(name=encoder if reason == "an encoder" else reason)
    nlp.set_error_handler(lambda name, proc, docs, error: calls.append([doc.text for doc in docs]))
    assert list(nlp.pipe(TEXTS, batch_size=4)) == []
    assert calls == [TEXTS[:4], TEXTS[4:]]
    assert len(opened) == 2


def test_weights_that_do_not_load_for_another_reason_are_reported_once_a_batch(make_nlp, tagger, monkeypatch):
    def open_(name, **options):
        opened.append(name)
        raise ImportError("no transformers")

    opened, calls = [], []
    monkeypatch.setattr(Checkpoint, "from_pretrained", open_)
    nlp = make_nlp(name=tagger)
    nlp.set_error_handler(lambda name, proc, docs, error: calls.append(str(error)))
    assert list(nlp.pipe(TEXTS)) == []
    assert (len(opened), calls) == (1, ["no transformers"])


def test_damaged_weights_are_reported_for_each_doc(nlp, handled):
    # A single Doc can also cause such values, so each Doc is retried separately.
    with torch.no_grad():
        get_checkpoint(nlp.get_pipe("bert_ner").model).model.classifier.bias.fill_(float("nan"))
    assert [doc.text for doc in nlp.pipe(TEXTS)] == [""]
    assert [texts for _, _, texts, _ in handled] == [[text] for text in TEXTS if text]


def test_a_component_has_a_handler_of_its_own(nlp, tokenized):
    calls = []
    nlp.get_pipe("bert_ner").set_error_handler(lambda name, proc, docs, error: calls.append(len(docs)))
    assert len(list(nlp.pipe(TEXTS))) == 4
    assert calls == [1, 1]


def test_a_pipe_takes_docs_as_they_come(nlp):
    pulled = []

    def stream():
        for number in range(10):
            pulled.append(number)
            yield Doc(nlp.vocab, words=["New", "York"])

    docs = nlp.get_pipe("bert_ner").pipe(stream(), batch_size=3)
    assert pulled == []
    next(docs)
    assert pulled == [0, 1, 2]
    assert len(list(docs)) == 9
