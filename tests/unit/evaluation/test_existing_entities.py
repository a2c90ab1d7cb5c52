"""Test that predicted Docs with gold entities are not silently scored as if the component had predicted them."""

import warnings

import numpy as np
import pytest
import spacy
from spacy.cli.evaluate import evaluate as spacys_evaluate
from spacy.tokens import DocBin, Span
from spacy.training import Example

from spacy_bert_ner.errors import BertNerError, CalibrationError
from spacy_bert_ner.evaluation.measure import run_pipeline

GIVEN = r"contained all 2 gold entities before bert_ner processed them\. .*Example\(nlp\.make_doc\(doc\.text\), doc\)"


@pytest.fixture
def gold(tagger, make_nlp):
    """Return a pipeline, and a gold Doc with two entities that the pipeline does not find."""
    nlp = make_nlp(name=tagger)
    doc = nlp.make_doc("Kevin Durant lives in New York .")
    doc.set_ents([Span(doc, 0, 2, label="org"), Span(doc, 4, 6, label="org")])
    return nlp, doc


def test_of_the_text_alone_nothing_is_right_and_nothing_is_said(gold):
    nlp, doc = gold
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert nlp.evaluate([Example(nlp.make_doc(doc.text), doc)])["ents_f"] == 0.0


@pytest.mark.parametrize("copied", [False, True])
def test_evaluating_what_was_given_is_an_error(gold, copied):
    nlp, doc = gold
    with pytest.raises(BertNerError, match="contained all 2 gold entities before .* it predicted nothing"):
        nlp.evaluate([Example(doc.copy() if copied else doc, doc)])


@pytest.mark.parametrize("copied", [False, True])
def test_it_is_a_warning_where_another_component_may_have_found_them(gold, copied):
    nlp, doc = gold
    nlp.add_pipe("entity_ruler", first=True).add_patterns([{"label": "org", "pattern": "Nets"}])
    with pytest.warns(UserWarning, match=GIVEN):
        assert nlp.evaluate([Example(doc.copy() if copied else doc, doc)])["ents_r"] == 1.0


def test_the_scorer_refuses_the_reference_as_prediction(gold):
    nlp, doc = gold
    with pytest.raises(
        BertNerError,
        match="The predicted Doc and the reference Doc of an Example are the same, so its gold entities would count",
    ):
        nlp.get_pipe("bert_ner").score([Example(nlp(nlp.make_doc(doc.text)), doc), Example(doc, doc)])
    assert nlp.get_pipe("bert_ner").score([Example(nlp.make_doc("."), nlp.make_doc("."))])["ents_f"] is None


def test_entities_of_a_ruler_count_without_a_warning(gold):
    nlp, doc = gold
    nlp.add_pipe("entity_ruler", first=True).add_patterns([{"label": "org", "pattern": "Kevin Durant"}])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert nlp.evaluate([Example(nlp.make_doc(doc.text), doc)])["ents_r"] == 0.5


def test_what_it_found_in_an_earlier_pass_counts_as_found(gold):
    nlp, doc = gold
    found = nlp(doc.text)
    assert found.ents
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert nlp.evaluate([Example(found, found)])["ents_f"] == 1.0


def test_with_overwrite_nothing_is_given(gold, tagger, make_nlp):
    _, doc = gold
    nlp = make_nlp(name=tagger, config={"overwrite": True})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert nlp.evaluate([Example(doc, doc)])["ents_f"] == 0.0


@pytest.mark.parametrize("copied", [False, True])
def test_no_temperature_is_fitted_to_what_was_given(gold, copied):
    nlp, doc = gold
    message = "The temperature of 'bert_ner' cannot be fitted. The predicted Docs already contain all 2 gold entities"
    with pytest.raises(CalibrationError, match=message):
        nlp.get_pipe("bert_ner").calibrate([Example(doc.copy() if copied else doc, doc)])


def test_training_does_not_see_the_entities_of_the_predicted_doc(gold):
    nlp, doc = gold
    doc.set_ents([Span(doc, 0, 2, label="per"), Span(doc, 4, 6, label="geo")])
    plain = [Example(nlp.make_doc(doc.text), doc)]
    pipe = nlp.get_pipe("bert_ner")
    assert nlp("Kevin")  # load the checkpoint
    losses = []
    for examples in (plain, [Example(doc, doc)]):
        loss, gradient = pipe.get_loss(examples, pipe.model.predict([eg.predicted for eg in examples]))
        losses.append((loss, gradient[0].dataXd))
    assert losses[0][0] == losses[1][0] > 0
    np.testing.assert_array_equal(losses[0][1], losses[1][1])


def test_the_evaluate_commands_predict_from_the_text_alone(gold, tmp_path):
    nlp, doc = gold
    DocBin(docs=[doc]).to_disk(tmp_path / "dev.spacy")
    nlp.to_disk(tmp_path / "pipeline")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = spacys_evaluate(str(tmp_path / "pipeline"), tmp_path / "dev.spacy", silent=True)
        found = run_pipeline(spacy.load(tmp_path / "pipeline"), tmp_path / "dev.spacy")
    assert scores["ents_f"] == 0.0
    assert not {("org", 0, 2), ("org", 4, 6)} & {tuple(entity) for entity in found.predicted[0]}
