"""Test matching predicted entities with gold entities, and classifying mistakes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert_ner.evaluation.matching import KINDS, SCHEMAS, count_matches, mistakes
from spacy_bert_ner.types import Entity


def ents(*triples):
    return [Entity(*triple) for triple in triples]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("strict", {"incorrect": 2}),
        ("exact", {"correct": 1, "incorrect": 1}),
        ("partial", {"correct": 1, "partial": 1}),
        ("type", {"correct": 1, "incorrect": 1}),
    ],
)
def test_the_drawn_case(schema, expected):
    found = count_matches(ents(("per", 0, 2), ("geo", 5, 6)), ents(("per", 0, 3), ("org", 5, 6)), schema)
    assert +found == expected


def test_of_several_with_the_label_the_nearest_is_taken():
    gold = ents(("per", 0, 1), ("per", 1, 4))
    assert +count_matches(gold, ents(("per", 0, 4)), "type") == {"correct": 1, "missed": 1}
    predicted = ents(("per", 0, 4), ("per", 5, 6))
    assert +count_matches(gold, predicted, "type") == {"correct": 1, "missed": 1, "spurious": 1}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_correct_entity_is_matched_before_a_wrong_one_in_the_same_place(schema):
    predicted = ents(("org", 0, 1), ("per", 0, 1))
    assert +count_matches(ents(("per", 0, 1)), predicted, schema) == {"correct": 1, "spurious": 1}


def test_where_there_is_nothing():
    assert +count_matches([], [], "strict") == {}
    assert +count_matches(ents(("per", 0, 1)), [], "strict") == {"missed": 1}
    assert +count_matches([], ents(("per", 0, 1)), "partial") == {"spurious": 1}


@pytest.mark.parametrize(
    ("kind", "gold", "predicted"),
    [
        ("missed", [("per", 0, 2)], []),
        ("spurious", [], [("per", 0, 2)]),
        ("wrong label", [("per", 0, 2)], [("org", 0, 2)]),
        ("too long", [("per", 1, 2)], [("per", 0, 2)]),
        ("too long", [("per", 1, 2)], [("per", 0, 3)]),
        ("too short", [("per", 0, 3)], [("per", 1, 2)]),
        ("split", [("per", 0, 3)], [("per", 0, 1), ("per", 2, 3)]),
        ("merged", [("per", 0, 1), ("per", 2, 3)], [("per", 0, 3)]),
        ("shifted", [("per", 0, 2)], [("per", 1, 3)]),
        ("shifted", [("per", 0, 2), ("per", 3, 5)], [("per", 1, 4), ("geo", 4, 6)]),
    ],
)
def test_each_kind(kind, gold, predicted):
    (mistake,) = mistakes(ents(*gold), ents(*predicted))
    assert (mistake.kind, list(mistake.gold), list(mistake.predicted)) == (kind, ents(*gold), ents(*predicted))


def test_what_is_right_is_no_mistake_and_parts_places():
    gold = ents(("per", 0, 2), ("geo", 2, 3), ("org", 4, 5))
    predicted = ents(("org", 0, 1), ("geo", 2, 3), ("org", 4, 6), ("per", 8, 9))
    assert [(m.kind, m.same_label) for m in mistakes(gold, predicted)] == [
        ("too short", False),
        ("too long", True),
        ("spurious", True),
    ]


def test_what_is_found_twice_is_right_once():
    gold = ents(("geo", 0, 1))
    (mistake,) = mistakes(gold, gold + gold)
    assert mistake == ("spurious", (), (gold[0],), True)
    (mistake,) = mistakes(gold, ents(("geo", 0, 1), ("per", 0, 1)))
    assert mistake == ("spurious", (), tuple(ents(("per", 0, 1))), True)


@st.composite
def side(draw):
    entities, end = [], 0
    for gap, length, label in draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.sampled_from("abc")))):
        entities.append(Entity(label, end + gap, end + gap + length))
        end += gap + length
    return entities


@given(side(), side())
def test_every_entity_that_is_not_right_is_in_one_mistake(gold, predicted):
    found = mistakes(gold, predicted)
    right = set(gold) & set(predicted)
    assert [e for m in found for e in m.gold] == [e for e in gold if e not in right]
    assert [e for m in found for e in m.predicted] == [e for e in predicted if e not in right]
    assert {m.kind for m in found} <= set(KINDS)


@given(side(), side(), st.sampled_from(SCHEMAS))
def test_every_entity_has_one_outcome(gold, predicted, schema):
    n = count_matches(gold, predicted, schema)
    assert n["correct"] + n["incorrect"] + n["partial"] + n["missed"] == len(gold)
    assert n["correct"] + n["incorrect"] + n["partial"] + n["spurious"] == len(predicted)
