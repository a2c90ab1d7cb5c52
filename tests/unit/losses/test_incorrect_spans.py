"""Test that training learns from incorrect spans."""

import json
import warnings

import numpy as np
import pytest
import spacy
import torch
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import load_config
from support import initialized
from thinc.api import Adam

from spacy_bert_ner.decoding.entity_scores import entity_scores
from spacy_bert_ner.decoding.tag_scheme import build_tag_set, tags_of_labels
from spacy_bert_ner.errors import BertNerError
from spacy_bert_ner.losses.incorrect_spans import find_positions, incorrect_entities
from spacy_bert_ner.models.token_classifier import get_tags
from spacy_bert_ner.types import INCORRECT_SPANS, Entity

KEY = {"incorrect_spans_key": INCORRECT_SPANS}
WORDS = ["Kevin", "Durant", "lives", "in", "New", "York"]
objectives = pytest.mark.parametrize("objective", ["tokens", "sequences"])


def example(vocab, *incorrect, ents=None, key=INCORRECT_SPANS):
    """Create a Doc without annotation except for the arguments.

    incorrect: incorrect spans as tuples of start, end and label.
    ents: tags in IOB2.
    """
    doc = Doc(vocab, words=WORDS, ents=ents or [""] * len(WORDS))
    doc.spans[key] = [Span(doc, start, end, label=label) for start, end, label in incorrect]
    return Example(Doc(vocab, words=WORDS), doc)


def share(nlp, start, end, label):
    """Return the probability that the model assigns to an entity."""
    pipe = nlp.get_pipe("bert_ner")
    part = pipe.model.predict([Doc(nlp.vocab, words=WORDS)])[0]
    rows = np.cumsum(part.lengths) - part.lengths
    tags = get_tags(pipe.model)
    return entity_scores(part.dataXd[rows], np.arange(len(WORDS)) == 0, [Entity(label, start, end)], tags)[0]


@pytest.fixture
def make(make_nlp, examples):
    """Return a pipeline that was initialized with the examples, with or without incorrect spans."""

    def make(**config):
        with warnings.catch_warnings():
            torch.manual_seed(0)
            warnings.filterwarnings("ignore", ".*but no training Doc has spans under this key")
            return initialized(make_nlp, examples, config=config)

    return make


@objectives
def test_the_loss_of_a_text_of_which_nothing_else_is_known(make, objective):
    nlp = make(**KEY, objective=objective)
    pipe, eg = nlp.get_pipe("bert_ner"), example(nlp.vocab, (0, 2, "per"), (4, 6, "org"))
    shares = [share(nlp, 0, 2, "per"), share(nlp, 4, 6, "org")]
    loss = pipe.measure_loss([eg])
    assert (loss, loss.weight) == (pytest.approx(-np.log1p(-np.array(shares)).mean(), rel=1e-5), 2)


@pytest.mark.training
@objectives
def test_training_makes_it_unlikely(make, objective):
    nlp = make(**KEY, objective=objective)
    rest, optimizer = ["O", "O", "B-geo", "I-geo"], Adam(0.01, use_averages=False)
    gold = example(nlp.vocab, ents=["B-per", "I-per", *rest])
    for _ in range(30):
        nlp.update([gold], sgd=optimizer)
    assert [ent.text for ent in nlp(gold.predicted.copy()).ents] == ["Kevin Durant", "New York"]
    assert share(nlp, 0, 2, "per") > 0.9
    for _ in range(30):
        nlp.update([example(nlp.vocab, (0, 2, "per"), ents=["", "", *rest])], sgd=optimizer)
    assert share(nlp, 0, 2, "per") < 0.05
    found = [(ent.text, ent.label_) for ent in nlp(gold.predicted.copy()).ents]
    assert ("Kevin Durant", "per") not in found
    assert ("New York", "geo") in found


@objectives
def test_it_weighs_as_a_token_beside_those_with_a_known_tag(make, objective):
    nlp = make(**KEY, objective=objective)
    pipe, ents = nlp.get_pipe("bert_ner"), ["B-per", "O", "", "", "", ""]
    eg, plain = example(nlp.vocab, (0, 2, "per"), ents=ents), example(nlp.vocab, ents=ents)
    alone = pipe.measure_loss([plain])
    loss = pipe.measure_loss([eg])
    surprise = -np.log1p(-share(nlp, 0, 2, "per"))
    assert (alone.weight, loss.weight) == (2, 3)
    assert loss == pytest.approx((2 * alone + surprise) / 3, rel=1e-5)


@objectives
def test_the_gradient_is_the_slope_of_the_loss(make, objective):
    nlp = make(**KEY, objective=objective)
    pipe, eg = nlp.get_pipe("bert_ner"), example(nlp.vocab, (0, 2, "per"), ents=["B-per", "O", "", "", "", ""])
    output = pipe.model.predict([eg.predicted])
    rows = output[0].dataXd.astype("float64")
    output[0].data = rows
    _, gradient = pipe.get_loss([eg], output)
    for place in [(0, 1), (1, 0), (1, 4), (2, 2)]:
        losses = []
        for step in (1e-4, -1e-4):
            rows[place] += step
            losses.append(pipe.get_loss([eg], output)[0])
            rows[place] -= step
        assert gradient[0].dataXd[place] == pytest.approx((losses[0] - losses[1]) / 2e-4, abs=1e-6)


@objectives
def test_without_a_key_or_a_span_it_is_the_loss_of_the_tokens_to_the_bit(make, objective):
    ents = ["B-per", "I-per", "O", "O", "", ""]
    found = []
    for config, spans in (({}, [(0, 1, "per")]), (KEY, []), ({}, [])):
        nlp = make(**config, objective=objective)
        pipe, eg = nlp.get_pipe("bert_ner"), example(nlp.vocab, *spans, ents=ents)
        loss, gradient = pipe.get_loss([eg], pipe.model.predict([eg.predicted]))
        found.append((float(loss), loss.weight, gradient[0].dataXd.tobytes()))
    assert found[0] == found[1] == found[2]


def test_batches_that_are_gathered_weigh_by_their_tokens_and_spans(make):
    nlp = make(**KEY)
    pipe = nlp.get_pipe("bert_ner")
    batch = [example(nlp.vocab, (0, 2, "per")), example(nlp.vocab, ents=["B-per", "I-per", "O", "O", "O", "O"])]
    together, one_by_one = pipe.measure_loss(batch), pipe.measure_loss(batch, batch_size=1)
    assert (together.weight, one_by_one.weight) == (7, 7)
    assert together == pytest.approx(one_by_one, rel=1e-6)


def test_a_gold_entity_is_no_incorrect_span(make):
    nlp = make(**KEY)
    eg = example(nlp.vocab, (0, 2, "per"), ents=["B-per", "I-per", "O", "O", "O", "O"])
    message = (
        r"'Kevin Durant' \(per\) in '.*' is both a gold entity and a span in doc.spans\['incorrect_spans'\]. "
        "It would be "
        r"learned as both correct and incorrect"
    )
    with pytest.raises(BertNerError, match=message):
        nlp.update([eg])
    nlp.update([example(nlp.vocab, (0, 2, "org"), (0, 1, "per"), ents=["B-per", "I-per", "O", "O", "O", "O"])])


def test_spans_are_those_of_the_predicted_tokens(nlp):
    doc = Doc(nlp.vocab, words=["Kevin", "Durant", "plays", "-there"], spaces=[True, True, False, True])
    spans = [(0, 2, "per"), (0, 2, "per"), (0, 1, "org"), (2, 3, "per"), (2, 4, "per")]
    doc.spans["no"] = [*(Span(doc, start, end, label=label) for start, end, label in spans), Span(doc, 0, 1)]
    eg = Example(Doc(nlp.vocab, words=["Kev", "in", "Durant", "plays-there"], spaces=[False, True, True, True]), doc)
    # The result contains no duplicates, no spans that cover only part of a token, and no spans without a label.
    assert incorrect_entities(eg, "no") == [Entity("per", 0, 3), Entity("org", 0, 2), Entity("per", 3, 4)]
    assert incorrect_entities(eg, "yes") == []


def test_what_cannot_be_found_has_no_position():
    """Test spans that cannot be predicted.

    Token 1 is white space, token 4 shares a subword with token 3, and no tag has the label `x`.
    """
    lengths, is_joined = np.array([1, 0, 2, 1, 0]), np.array([False, False, False, False, True])
    tags = build_tag_set(tags_of_labels(["a"]), "IOB2")
    places = {(0, 1): (0, 1), (0, 3): (0, 2), (2, 5): (1, 3), (3, 5): (2, 3)}
    for (start, end), own in places.items():
        assert find_positions([Entity("a", start, end)], lengths, is_joined, tags) == [Entity("a", *own)]
    for entity in (("a", 0, 2), ("a", 1, 3), ("a", 3, 4), ("a", 4, 5), ("x", 0, 1)):
        assert find_positions([Entity(*entity)], lengths, is_joined, tags) == []


@pytest.mark.parametrize("incorrect", [(0, 2, "art"), (0, 2, "")])
def test_spans_that_teach_nothing_are_reported_once(make, incorrect):
    nlp = make(**KEY)
    eg = example(nlp.vocab, incorrect, (4, 6, "geo"))
    message = (
        rf"1 of 2 spans in doc.spans\['incorrect_spans'\] .* label is not one of: geo, org, per\. .*'{incorrect[2]}'"
    )
    with pytest.warns(UserWarning, match=message):
        assert nlp.get_pipe("bert_ner").update([eg])["bert_ner"].weight == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.update([eg])


def test_a_key_under_which_there_is_nothing_is_reported(make_nlp):
    nlp = make_nlp(config={"incorrect_spans_key": "no"})
    eg = example(nlp.vocab, (0, 1, "per"), ents=["B-per", "I-per", "O", "O", "O", "O"])
    message = (
        r"\[components.bert_ner\] incorrect_spans_key = 'no', but no training Doc .* these keys: incorrect_spans\."
    )
    with pytest.warns(UserWarning, match=message):
        nlp.initialize(lambda: [eg])


def test_pipelines_from_before_have_no_such_key(nlp, tmp_path):
    nlp.to_disk(tmp_path)
    config = load_config(tmp_path / "config.cfg")
    assert config["components"]["bert_ner"].pop("incorrect_spans_key", "missing") is None
    config.to_disk(tmp_path / "config.cfg")
    assert "incorrect_spans_key" not in json.dumps(load_config(tmp_path / "config.cfg"))
    assert spacy.load(tmp_path).get_pipe("bert_ner").settings.incorrect_spans_key is None
