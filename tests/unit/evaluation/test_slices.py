"""Test entity slices and their scores."""

import pytest
import spacy
from spacy.tokens import Doc, Span

from spacy_bert_ner.evaluation.slices import known_entities, slices
from spacy_bert_ner.types import Entity

VOCAB = spacy.blank("en").vocab


def make(text, entities=(), starts=None):
    doc = Doc(VOCAB, words=text.split(), sent_starts=starts)
    doc.set_ents([Span(doc, start, end, label=label) for label, start, end in entities])
    return doc


TRAIN = [
    make("Paris and Kevin", [("geo", 0, 1), ("per", 2, 3)]),
    make("Paris Paris Paris", [("geo", 0, 1), ("geo", 1, 2), ("per", 2, 3)]),
]
DOC = make("Paris met Ada Lovelace in 1843 .", [("geo", 0, 1), ("per", 2, 4), ("tim", 5, 6)])
GOLD = [Entity("geo", 0, 1), Entity("per", 2, 4), Entity("tim", 5, 6)]


def numbers(told):
    """Return the numbers of right, predicted and gold entities in each slice."""
    return {name: (row["right"], row["found"], row["gold"]) for name, row in told.items()}


def test_strings_of_the_training_data_are_counted():
    assert known_entities(TRAIN) == {"Paris": {"geo": 3, "per": 1}, "Kevin": {"per": 1}}


def test_an_entity_is_in_the_slice_that_it_belongs_to():
    predicted = [Entity("geo", 0, 1), Entity("per", 2, 3), Entity("tim", 5, 6)]
    told = slices([DOC], [GOLD], [predicted], known_entities(TRAIN))
    assert numbers(told["tokens of the entity"]) == {"1": (2, 3, 2), "2": (0, 0, 1)}
    assert numbers(told["tokens of the sentence"]) == {"1 to 10": (2, 3, 3)}
    assert numbers(told["place in the sentence"]) == {
        "first token": (1, 1, 1),
        "first half": (0, 1, 1),
        "second half": (1, 1, 1),
    }
    assert numbers(told["letters"]) == {"Like This": (1, 2, 2), "without case": (1, 1, 1)}
    assert numbers(told["seen in training"]) == {"with this label": (1, 1, 1), "never": (1, 2, 2)}
    assert numbers(told["times in training"]) == {"0": (1, 2, 2), "2 to 5": (1, 1, 1)}
    row = told["letters"]["Like This"]
    assert (row["p"], row["r"], row["f"]) == (0.5, 0.5, 0.5)


def test_the_label_of_the_entity_itself_tells_whether_it_was_seen():
    told = slices([DOC], [[Entity("org", 0, 1)]], [[Entity("geo", 0, 1)]], known_entities(TRAIN))
    assert numbers(told["seen in training"]) == {"with this label": (0, 1, 0), "with others only": (0, 0, 1)}


def test_without_training_data_its_slices_are_not_there():
    assert set(slices([DOC], [GOLD], [GOLD], None)) == {
        "tokens of the entity",
        "tokens of the sentence",
        "place in the sentence",
        "letters",
    }


def test_sentences_are_those_of_the_doc():
    words = "One two . Kevin lives here in Paris today ."
    doc = make(words, starts=[True, False, False, True, *[False] * 6])
    gold = [Entity("per", 3, 4), Entity("geo", 7, 8)]
    told = slices([doc], [gold], [gold], None)
    assert numbers(told["place in the sentence"]) == {"first token": (1, 1, 1), "second half": (1, 1, 1)}
    assert numbers(told["tokens of the sentence"]) == {"1 to 10": (2, 2, 2)}
    long = make(" ".join(["x"] * 51))
    told = slices([long], [[Entity("per", 3, 4)]], [[]], None)
    assert numbers(told["tokens of the sentence"]) == {"51 or more": (0, 0, 1)}
    assert numbers(told["place in the sentence"]) == {"first half": (0, 0, 1)}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Kevin", "Like This"),
        ("Kevin Durant", "Like This"),
        ("U", "Like This"),
        ("Republic of Ireland", "otherwise"),
        ("monday", "like this"),
        ("NATO", "LIKE THIS"),
        ("U.N. Security", "otherwise"),
        ("iPhone", "otherwise"),
        ("1843", "without case"),
        ("北京", "without case"),
        ("Élysée", "Like This"),
        ("3rd", "like this"),
    ],
)
def test_letters(text, kind):
    doc = make(text)
    entity = [Entity("x", 0, len(doc))]
    assert list(slices([doc], [entity], [[]], None)["letters"]) == [kind]


def test_nothing_is_in_no_slice():
    assert slices([DOC], [[]], [[]], {}) == {
        title: {}
        for title in (
            "tokens of the entity",
            "tokens of the sentence",
            "place in the sentence",
            "letters",
            "seen in training",
            "times in training",
        )
    }
