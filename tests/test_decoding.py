from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bert_ner.decoding import best_legal_path, decode
from spacy_bert_ner.tags import repair

TAGS = ("O", "B-per", "I-per")


def logits(*best):
    return np.eye(3, dtype="f")[list(best)]


def test_the_first_subword_of_a_token_decides():
    # tokens of 1, 2 and 1 subwords; the second subword of the middle token would begin an entity of its own
    assert decode(logits(1, 2, 1, 0), np.array([1, 2, 1]), TAGS, is_iob2=True) == [("per", 0, 2)]


def test_an_entity_goes_on_across_tokens_without_subwords_but_does_not_end_there():
    assert decode(logits(1, 2), np.array([0, 1, 0, 1, 0]), TAGS, is_iob2=True) == [("per", 1, 4)]


def test_the_drawn_case():
    tags = ("O", "B-org", "I-org", "B-per", "I-per")
    scores = np.array([[9, 0, 0, 0, 0], [0, 5, 0, 0, 0], [0, 0, 2, 0, 3], [0, 0, 4, 0, 0]], dtype="f")
    assert [tags[i] for i in scores.argmax(axis=1)] == ["O", "B-org", "I-per", "I-org"]
    assert [tags[i] for i in best_legal_path(scores, tags, is_iob2=True)] == ["O", "B-org", "I-org", "I-org"]


def test_an_inside_tag_begins_an_entity_where_the_checkpoint_has_no_other():
    assert decode(logits(0, 1, 1), np.array([1, 1, 1]), ("O", "I-per", "B-geo"), is_iob2=True) == [("per", 1, 3)]


def test_an_inside_tag_after_outside_begins_an_entity_unless_iob2_is_known():
    # A head that learned IOB1 never puts B- at the beginning of an entity that stands alone.
    assert decode(logits(0, 2, 0), np.array([1, 1, 1]), TAGS, is_iob2=False) == [("per", 1, 2)]
    assert decode(logits(0, 2, 0), np.array([1, 1, 1]), TAGS, is_iob2=True) == []


IOB2 = ("O", "B-a", "I-a", "B-b", "I-b")


def legal_in_iob2(path):
    return repair(path)[1] == 0


def legal_in_any_scheme(path):
    """No I- tag directly after another label."""
    labels = ["", *(tag[2:] for tag in path)]
    return all(tag[0] != "I" or before in ("", tag[2:]) for before, tag in zip(labels, path, strict=False))


@pytest.mark.parametrize(
    ("tags", "is_iob2", "is_legal"),
    [
        (IOB2, True, legal_in_iob2),
        (("I-a", "O", "B-b", "I-b", "B-a"), True, legal_in_iob2),
        (IOB2, False, legal_in_any_scheme),
        (("O", "I-a"), True, lambda path: True),
    ],
)
@given(data=st.data())
def test_no_legal_sequence_scores_higher(tags, is_iob2, is_legal, data):
    n = data.draw(st.integers(1, 4))
    row = st.lists(st.integers(-9, 9), min_size=len(tags), max_size=len(tags))
    scores = np.array(data.draw(st.lists(row, min_size=n, max_size=n)), dtype="f")

    def total(path):
        return sum(scores[i, tag] for i, tag in enumerate(path))

    best = best_legal_path(scores.copy(), tags, is_iob2=is_iob2)
    legal = [path for path in product(range(len(tags)), repeat=n) if is_legal([tags[i] for i in path])]
    assert tuple(best.tolist()) in legal
    assert total(best) == max(map(total, legal))
