import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert_ner.errors import TagError
from spacy_bert_ner.tags import (
    biluo_to_iob,
    entities_of_tag_ids,
    is_iob,
    labels_of_tags,
    repair,
    split_tag,
    tags_of_labels,
)

TAGS = ("O", "B-geo", "I-geo", "B-per", "I-per")


def test_a_label_may_hold_hyphens():
    assert split_tag("B-creative-work") == ("B", "creative-work")


@pytest.mark.parametrize("tag", ["", "per", "X-per", "B-", "B", "o", "-per", "b-per"])
def test_what_is_no_iob_tag_is_refused(tag):
    with pytest.raises(TagError, match="is no IOB tag. Allowed: O, B-<label>, I-<label>"):
        split_tag(tag)


def test_is_iob_needs_a_label():
    assert is_iob(["O", "I-per"])
    assert not is_iob(["O"])
    assert not is_iob(["LABEL_0", "LABEL_1"])


def test_tags_of_labels_are_sorted_and_begin_with_o():
    assert tags_of_labels(["per", "art", "per"]) == ("O", "B-art", "I-art", "B-per", "I-per")


def test_labels_of_tags_are_sorted_and_unique():
    assert labels_of_tags(["I-per", "O", "B-per", "B-art"]) == ("art", "per")


@pytest.mark.parametrize(
    ("biluo", "iob"),
    [("U-per", "B-per"), ("B-per", "B-per"), ("I-per", "I-per"), ("L-a-b", "I-a-b"), ("O", "O")],
)
def test_biluo_becomes_iob(biluo, iob):
    assert biluo_to_iob(biluo) == iob


def test_repair_begins_an_entity_where_nothing_is_continued():
    assert repair(["O", "I-per", "I-per", "I-geo", "B-geo"]) == (["O", "B-per", "I-per", "B-geo", "B-geo"], 2)


def test_repair_leaves_legal_tags():
    assert repair(["B-per", "I-per", "O", "B-per", "B-per"]) == (["B-per", "I-per", "O", "B-per", "B-per"], 0)


@pytest.mark.parametrize(
    ("tag_ids", "entities"),
    [
        ([], []),
        ([0, 0], []),
        ([1, 2, 0, 3], [("geo", 0, 2), ("per", 3, 4)]),
        ([3, 3, 4], [("per", 0, 1), ("per", 1, 3)]),
        ([2, 2, 4], [("geo", 0, 2), ("per", 2, 3)]),
        ([1, 4, 2], [("geo", 0, 1), ("per", 1, 2), ("geo", 2, 3)]),
    ],
)
def test_entities_of_tag_ids(tag_ids, entities):
    assert entities_of_tag_ids(np.array(tag_ids, dtype=int), TAGS) == entities


@given(st.lists(st.integers(0, 4), max_size=12))
def test_entities_are_those_that_reading_tag_by_tag_finds(tag_ids):
    expected: list[list] = []
    inside = ""
    for i, tag_id in enumerate(tag_ids):
        prefix, label = split_tag(TAGS[tag_id])
        if label and (prefix == "B" or label != inside):
            expected.append([label, i, i])
        if label:
            expected[-1][2] = i + 1
        inside = label
    assert entities_of_tag_ids(np.array(tag_ids, dtype=int), TAGS) == [tuple(e) for e in expected]
