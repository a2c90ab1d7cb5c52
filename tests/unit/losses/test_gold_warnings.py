"""Test that gold entities with white space at their edges are reported once during training."""

import warnings

import pytest
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_bert_ner.inspection.entity_boundaries import has_blank_edge

MESSAGE = (
    r"1 of 2 gold entities \(50\.0%\) start or end with white space, but 'bert_ner' never predicts such entities\. .*"
    r"The first is '\\n Kevin' in 'Then \\n Kevin left York '\. Correct their boundaries\. To list them: "
    ".* inspect FILE$"
)


def reference(vocab, start):
    """Return a Doc with two entities: `York`, and `Kevin` with or without the line break before it."""
    doc = Doc(vocab, words=["Then", "\n", "Kevin", "left", "York"])
    doc.set_ents([Span(doc, start, 3, label="per"), Span(doc, 4, 5, label="geo")])
    return doc


@pytest.fixture
def white(make_nlp):
    nlp = make_nlp()
    doc = reference(nlp.vocab, 1)
    return nlp, Example(nlp.make_doc(doc.text), doc)


def test_white_edges_are_reported_by_initialize_and_not_again(white):
    nlp, eg = white
    with pytest.warns(UserWarning, match=MESSAGE):
        nlp.initialize(lambda: [eg])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.update([eg])


def test_white_edges_are_reported_by_the_first_update_that_has_some(white, examples):
    nlp, eg = white
    nlp.initialize(lambda: examples)
    nlp.update(examples)
    with pytest.warns(UserWarning, match=MESSAGE):
        nlp.update([eg])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nlp.update([eg])


def test_the_loss_is_that_of_the_entity_without_its_white_space(white):
    nlp, eg = white
    with pytest.warns(UserWarning, match=MESSAGE):
        nlp.initialize(lambda: [eg])
    pipe = nlp.get_pipe("bert_ner")
    bare = Example(nlp.make_doc(eg.text), reference(nlp.vocab, 2))
    assert pipe.measure_loss([eg]) == pipe.measure_loss([bare]) > 0


@pytest.mark.parametrize(
    ("words", "n"),
    [
        (["Kevin"], 0),
        (["Kevin", "\n", "Durant"], 0),  # white space inside an entity is part of it
        (["\n", "Kevin"], 1),
        (["Kevin", "\u00a0"], 1),
        (["\u3000Kevin"], 1),
        (["\n"], 1),
    ],
)
def test_what_counts_is_what_inspect_reports(make_nlp, words, n):
    nlp = make_nlp()
    doc = Doc(nlp.vocab, words=["Then", *words, "left"], ents=["O", "B-per", *["I-per"] * (len(words) - 1), "O"])
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        nlp.initialize(lambda: [Example(Doc(nlp.vocab, words=["Then", *words, "left"]), doc)])
    assert sum("1 of 1 gold entities (100.0%) start or end with white space" in str(w.message) for w in seen) == n
    assert has_blank_edge(words) is bool(n)
